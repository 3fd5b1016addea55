// A process's folder and its meta.json kept in step: what lies there is the truth, meta.json adds
// what the names do not say.
//
// Runs: companion.  Threads: one, under the folder's lock where it writes.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/store/open_folder.h"
#include "tools/store/process_record.h"

namespace limpet {

// With the dumps that lie there. Nothing: there is no meta.json that can be trusted.
std::optional<ProcessRecord> LoadRecord(const OpenFolder& folder);

// Those that lie there, with what `known` says of them.
std::vector<DumpRecord> ListKnownDumps(const OpenFolder& folder,
                                       const std::optional<ProcessRecord>& known);

// Writes meta.json and the links to the newest profiles.
absl::Status SaveRecord(const OpenFolder& folder, const ProcessRecord& record);

// After dumps were removed. Without a meta.json, only the links.
void RefreshRecord(const OpenFolder& folder, std::uint64_t removed_dumps,
                   const std::string& note = "");

}  // namespace limpet
