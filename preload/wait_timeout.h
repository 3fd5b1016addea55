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

// The past is no time to wait, and 200 years are for ever: sums of what is less do not wrap.
constexpr std::uint64_t SumNs(std::int64_t seconds, std::int64_t parts, std::int64_t ns_of_part) {
  constexpr std::int64_t kForEverSeconds = 200LL * 365 * 86'400;
  if (seconds < 0 || parts < 0) return 0;
  if (seconds > kForEverSeconds || parts > INT64_MAX / ns_of_part) return kNoTimeout;
  return static_cast<std::uint64_t>(seconds) * kSecondNs +
         static_cast<std::uint64_t>(parts * ns_of_part);
}
static_assert(SumNs(200LL * 365 * 86'400, INT64_MAX, 1) > INT64_MAX, "does not wrap");
static_assert(SumNs(0, INT64_MAX, 1000) == kNoTimeout && SumNs(-1, 0, 1) == 0);

inline std::uint64_t TimeoutOf(const timespec* relative) {
  return relative == nullptr ? kNoTimeout : SumNs(relative->tv_sec, relative->tv_nsec, 1);
}

inline std::uint64_t TimeoutOf(const timeval* relative) {
  return relative == nullptr ? kNoTimeout : SumNs(relative->tv_sec, relative->tv_usec, 1000);
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

inline std::uint64_t TimeLeft(clockid_t clock, std::uint64_t end_ns) {
  if (end_ns == kNoTimeout) return kNoTimeout;
  std::uint64_t now_ns = sys::ReadClockNs(clock);
  return end_ns > now_ns ? end_ns - now_ns : 0;
}

// Until a moment of `clock`, told by its coarse sister: a tick is nothing here, and costs less.
inline std::uint64_t TimeoutUntil(clockid_t clock, const timespec* moment) {
  if (!IsMoment(clock, moment)) return kNoTimeout;
  return TimeLeft(clock == CLOCK_REALTIME ? CLOCK_REALTIME_COARSE : CLOCK_MONOTONIC_COARSE,
                  TimeoutOf(moment));
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
