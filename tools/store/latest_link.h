// Links to what is newest, so that nobody has to look for a name:
//
//   LIMPET_DIR/latest                                  -> folder of the process dumped last
//   LIMPET_DIR/nginx.4242-987654/latest.heap.pb.gz     -> its newest heap profile
//
// Replaced in one step, so there is never none. What is no link stays as somebody made it.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "tools/store/open_folder.h"
#include "tools/store/process_record.h"

namespace limpet {

inline constexpr char kLatestName[] = "latest";

// `target` is relative to the link's folder.
void SetLink(const OpenFolder& folder, const std::string& name, const std::string& target);

// latest.<profile>.pb.gz of all dumps, which ascend; those that lead nowhere are removed.
void UpdateLatestProfiles(const OpenFolder& folder, const std::vector<DumpRecord>& dumps);

// The profile that a name belongs to, as "heap" of "latest.heap.pb.gz"; empty: it is no such name.
std::string LatestProfile(const std::string& name);

}  // namespace limpet
