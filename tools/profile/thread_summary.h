// What a list of threads says of itself, in lines:
//
//   5 threads: 1 running, 4 waiting
//   1 blocked where no hook is, seen from outside
//   loss: dropped_threads_full 3: ...
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/profile/thread_dump.h"

namespace limpet {

// Ages of the waits of who is not alive.
inline constexpr char kLowerBounds[] =
    "not alive here: waits lasted at least as long, up to when it was last heard of";

// "5 threads: 1 running, 4 waiting"
std::string ThreadCounts(std::int64_t threads, std::int64_t running);

std::int64_t CountSeenFromOutside(const ThreadDump& dump);

// Of those that are listed. "2 whose wait is of unknown length left out": empty if none is.
std::string LeftOutLine(const ThreadDump& dump);
std::vector<std::string> SummaryLines(const ThreadDump& dump);

}  // namespace limpet
