// `limpet dump --tree`: one profile of a process and all its descendants, whose samples say by
// labels whose they are.
//
// One process is read, named and added at a time, so a tree of hundreds takes the memory of its
// largest process and of the sum. A file that several of them run is symbolized once.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include "absl/status/status.h"
#include "tools/cli/commands.h"

namespace limpet {

// Names on stderr what had to be left out. NotFound where that is everything.
absl::Status DumpTree(const DumpOptions& options);

}  // namespace limpet
