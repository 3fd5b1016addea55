// Sleeps. libc's own call each other directly, so each public name is hooked.

#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "preload/parked_hook.h"
#include "preload/wait_timeout.h"

namespace limpet {
namespace {

NextFunction<int (*)(clockid_t, int, const timespec*, timespec*)> g_next_clock_nanosleep(
    "clock_nanosleep", "GLIBC_2.17");

Wait SleepFor(std::uint64_t timeout_ns) {
  return {.reason = WaitReason::kSleep, .timeout_ns = timeout_ns};
}

// Sleeps know more clocks than locks do.
std::uint64_t TimeoutOfSleep(clockid_t clock, int flags, const timespec* time) {
  if ((flags & TIMER_ABSTIME) == 0) return PassedTimeoutOf(time);
  bool is_other = clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
  return is_other ? TimeLeft(clock, PassedTimeoutOf(time)) : PassedTimeoutUntil(clock, time);
}

}  // namespace

// clang-format off
#define LIMPET_SLEEP_HOOKS(X) \
  X(int, Nanosleep, "nanosleep", (const timespec* time, timespec* left), (time, left), SleepFor(PassedTimeoutOf(time))) \
  X(int, NanosleepAlias, "__nanosleep", (const timespec* time, timespec* left), (time, left), SleepFor(PassedTimeoutOf(time))) \
  X(int, ThrdSleep, "thrd_sleep", (const timespec* time, timespec* left), (time, left), SleepFor(PassedTimeoutOf(time))) \
  X(int, Usleep, "usleep", (useconds_t time), (time), SleepFor(std::uint64_t{time} * 1000)) \
  X(unsigned, Sleep, "sleep", (unsigned seconds), (seconds), SleepFor(seconds * kSecondNs))
// clang-format on

LIMPET_SLEEP_HOOKS(LIMPET_PARKED_HOOK)

void BindSleepHooks() {
  g_next_clock_nanosleep.Bind();
  LIMPET_SLEEP_HOOKS(LIMPET_BIND_HOOK)
}

extern "C" {

int HookClockNanosleep(clockid_t clock, int flags, const timespec* time, timespec* left)
    LIMPET_EXPORT("clock_nanosleep");

int HookClockNanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  ParkedCall parked(SleepFor(TimeoutOfSleep(clock, flags, time)), sys::CaptureCaller());
  return g_next_clock_nanosleep.get()(clock, flags, time, left);
}

}  // extern "C"

}  // namespace limpet
