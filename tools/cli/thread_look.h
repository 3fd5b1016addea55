// One look at the threads of a process that lives, or at what those of a dead one did last.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tools/profile/thread_dump.h"

namespace limpet {

// `target` as in DumpOptions.
absl::StatusOr<ThreadDump> LookAtThreads(const std::string& target);

}  // namespace limpet
