// The copies of one process's segment that lie among its dumps, to be named later.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "tools/reader/segment_directory.h"

namespace limpet {

// Paths of those below `directory` (LIMPET_DIR), ascending. Links, and files that are named
// otherwise, are nobody's copies.
std::vector<std::string> ListSegmentCopies(const std::string& directory,
                                           const SegmentName& process);

}  // namespace limpet
