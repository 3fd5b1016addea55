// meta.json of a process's folder: a ProcessRecord for people and programs. The names are stable.
//
// What is read back is a claim: anybody may have written the file. Only what the listing of the
// folder confirms is taken from it.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tools/store/open_folder.h"
#include "tools/store/process_record.h"

namespace limpet {

inline constexpr char kMetaName[] = "meta.json";

// Whole or not at all.
absl::Status WriteMeta(const OpenFolder& folder, const ProcessRecord& record);

// Nothing when there is none, or it is damaged, of another version, or larger than 32 MiB. Of each
// dump: number, time, reason and bytes, but no files.
std::optional<ProcessRecord> ReadMeta(const OpenFolder& folder);

}  // namespace limpet
