// Clocks as this process is told them, in nanoseconds: what its own deadlines are counted by.
//
// Runs: target hot path (slow side) | companion.  Threads: any.  Allocates: never.
#pragma once

#include <time.h>

#include <cstdint>

namespace limpet::sys {

inline std::uint64_t ReadClockNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace limpet::sys
