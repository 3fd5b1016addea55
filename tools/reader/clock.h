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

}  // namespace limpet
