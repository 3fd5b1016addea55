// Clocks as the kernel tells them, in nanoseconds: of libc's clock_gettime a library before us may
// tell another time (libfaketime), at a cost and in ways that a signal handler does not bear.
//
//   auxv[AT_SYSINFO_EHDR] -> vDSO -> .dynsym["__vdso_clock_gettime"]
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>

namespace limpet::sys {

using ClockFunction = int (*)(clockid_t clock, timespec* now);

// A system call until BindKernelClock(), and where there is no vDSO.
extern std::atomic<ClockFunction> g_kernel_clock;
void BindKernelClock();

// In the vDSO at `base`, an ELF image in memory; nullptr: not there.
ClockFunction FindKernelClock(std::uint64_t base);

inline std::uint64_t ReadClockNs(ClockFunction function, clockid_t clock) {
  timespec now = {};
  function(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

inline std::uint64_t KernelClockNs(clockid_t clock) {
  return ReadClockNs(g_kernel_clock.load(std::memory_order_relaxed), clock);
}

// Resolution of a timer tick (1-4 ms), 4 ns a call against 18 of the fine clock.
inline std::uint64_t CoarseMonotonicNs() { return KernelClockNs(CLOCK_MONOTONIC_COARSE); }

}  // namespace limpet::sys
