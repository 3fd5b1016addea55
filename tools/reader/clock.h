// What time it is, in nanoseconds: the same clocks that a traced process writes into its segment.
//
// Runs: companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/sys/clock.h"

namespace limpet {

// Since 1970.
inline std::uint64_t UnixNs() { return sys::ReadClockNs(CLOCK_REALTIME); }
inline std::uint64_t MonotonicNs() { return sys::ReadClockNs(CLOCK_MONOTONIC); }
// When this machine was booted, since 1970.
inline std::uint64_t BootUnixNs() { return UnixNs() - sys::ReadClockNs(CLOCK_BOOTTIME); }
// How long it has slept since then: the other clock goes on meanwhile.
inline std::uint64_t AsleepNs() {
  const std::uint64_t awake_ns = MonotonicNs();  // first, so that it is not the larger
  return sys::ReadClockNs(CLOCK_BOOTTIME) - awake_ns;
}

// What a segment says of a time: no clock goes so far, and sums of two do not wrap. 0: unknown.
inline std::uint64_t BelievedNs(std::uint64_t ns) { return ns <= INT64_MAX ? ns : 0; }

}  // namespace limpet
