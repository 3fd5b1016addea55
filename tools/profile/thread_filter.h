// Leaves out of a list of threads those that do not wait for long.
//
// Runs: companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstdint>

#include "tools/profile/thread_dump.h"

namespace limpet {

// Keeps those that have waited for `least_ns` or longer; 0: all. What is left out is counted, also
// whose wait is of unknown length: it may be long.
void KeepBlocked(std::uint64_t least_ns, ThreadDump& dump);

}  // namespace limpet
