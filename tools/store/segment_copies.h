// The copies of one process's segment that lie among its dumps, to be named later.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "tools/reader/segment_directory.h"

namespace limpet {

// Paths of those below `directory` (LIMPET_DIR), ascending. Links, files that are named otherwise,
// and what is another user's or lies in another's folder, are none of ours.
std::vector<std::string> ListSegmentCopies(const std::string& directory,
                                           const SegmentName& process);

// One of that list: what is none of ours stays.
void RemoveSegmentCopy(const std::string& path);

}  // namespace limpet
