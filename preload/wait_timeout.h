// The time that a call is given to wait, in nanoseconds from now; kNoTimeout: for ever.
//
// TimeoutOf and TimeoutUntil read it as libc's own function does first of all (conditions,
// semaphores, read-write locks, ppoll, pselect): a bad pointer ends the program there as here.
// Where libc leaves it to the kernel, which answers EFAULT, or looks at it only if it must wait, it
// is read with care (Passed...).
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <sys/time.h>
#include <time.h>

#include <cstdint>

#include "runtime/session.h"
#include "runtime/sys/clock.h"

namespace limpet {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;

inline std::uint64_t TimeoutOf(const timespec* relative) {
  if (relative == nullptr) return kNoTimeout;
  return static_cast<std::uint64_t>(relative->tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(relative->tv_nsec);
}

inline std::uint64_t TimeoutOf(const timeval* relative) {
  if (relative == nullptr) return kNoTimeout;
  return static_cast<std::uint64_t>(relative->tv_sec) * kSecondNs +
         static_cast<std::uint64_t>(relative->tv_usec) * 1000;
}

inline std::uint64_t TimeoutOf(int milliseconds) {
  if (milliseconds < 0) return kNoTimeout;
  return static_cast<std::uint64_t>(milliseconds) * 1'000'000;
}

// Those that libc's locks and conditions accept.
inline bool IsLockClock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}
inline bool IsMoment(clockid_t clock, const timespec* moment) {
  return IsLockClock(clock) && moment != nullptr && moment->tv_sec >= 0 && moment->tv_nsec >= 0 &&
         moment->tv_nsec < 1'000'000'000;
}

// Until a moment of `clock`, told by its coarse sister: a tick is nothing here, and costs less.
inline std::uint64_t TimeoutUntil(clockid_t clock, const timespec* moment) {
  if (!IsMoment(clock, moment)) return kNoTimeout;
  std::uint64_t end = TimeoutOf(moment);
  std::uint64_t now =
      sys::ReadClockNs(clock == CLOCK_REALTIME ? CLOCK_REALTIME_COARSE : CLOCK_MONOTONIC_COARSE);
  return end > now ? end - now : 0;
}

// A time of the program's that may lie nowhere.
template <class Time>
class PassedTime {
 public:
  explicit PassedTime(const Time* time)
      : is_there_(time != nullptr && session::ReadPassed(time, &time_, sizeof(time_))) {}
  const Time* get() const { return is_there_ ? &time_ : nullptr; }

 private:
  Time time_;
  bool is_there_;
};

template <class Time>
std::uint64_t PassedTimeoutOf(const Time* relative) {
  return TimeoutOf(PassedTime<Time>(relative).get());
}

inline std::uint64_t PassedTimeoutUntil(clockid_t clock, const timespec* moment) {
  return TimeoutUntil(clock, PassedTime<timespec>(moment).get());
}

}  // namespace limpet
