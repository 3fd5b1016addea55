// Sleeps. libc's own call each other directly, so each public name is hooked.

#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/wait_timeout.h"

namespace limpet {
namespace {

NextFunction<int (*)(const timespec*, timespec*)> g_next_nanosleep("nanosleep");
NextFunction<int (*)(clockid_t, int, const timespec*, timespec*)> g_next_clock_nanosleep(
    "clock_nanosleep", "GLIBC_2.17");
NextFunction<int (*)(const timespec*, timespec*)> g_next_thrd_sleep("thrd_sleep");
NextFunction<int (*)(useconds_t)> g_next_usleep("usleep");
NextFunction<unsigned (*)(unsigned)> g_next_sleep("sleep");

Wait SleepFor(std::uint64_t timeout_ns) {
  return {.reason = WaitReason::kSleep, .timeout_ns = timeout_ns};
}

std::uint64_t TimeoutOfSleep(clockid_t clock, int flags, const timespec* time) {
  return (flags & TIMER_ABSTIME) != 0 ? PassedTimeoutUntil(clock, time) : PassedTimeoutOf(time);
}

}  // namespace

void BindSleepHooks() {
  BindAll(g_next_nanosleep, g_next_clock_nanosleep, g_next_thrd_sleep, g_next_usleep, g_next_sleep);
}

extern "C" {

int HookNanosleep(const timespec* time, timespec* left) LIMPET_EXPORT("nanosleep");
int HookNanosleepAlias(const timespec* time, timespec* left) LIMPET_EXPORT("__nanosleep");
int HookClockNanosleep(clockid_t clock, int flags, const timespec* time, timespec* left)
    LIMPET_EXPORT("clock_nanosleep");
int HookThrdSleep(const timespec* time, timespec* left) LIMPET_EXPORT("thrd_sleep");
int HookUsleep(useconds_t time) LIMPET_EXPORT("usleep");
unsigned HookSleep(unsigned seconds) LIMPET_EXPORT("sleep");

int HookNanosleep(const timespec* time, timespec* left) {
  ParkedCall parked(SleepFor(PassedTimeoutOf(time)), sys::CaptureCaller());
  return g_next_nanosleep.get()(time, left);
}

int HookNanosleepAlias(const timespec* time, timespec* left) {
  ParkedCall parked(SleepFor(PassedTimeoutOf(time)), sys::CaptureCaller());
  return g_next_nanosleep.get()(time, left);
}

int HookClockNanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  ParkedCall parked(SleepFor(TimeoutOfSleep(clock, flags, time)), sys::CaptureCaller());
  return g_next_clock_nanosleep.get()(clock, flags, time, left);
}

int HookThrdSleep(const timespec* time, timespec* left) {
  ParkedCall parked(SleepFor(PassedTimeoutOf(time)), sys::CaptureCaller());
  return g_next_thrd_sleep.get()(time, left);
}

int HookUsleep(useconds_t time) {
  ParkedCall parked(SleepFor(std::uint64_t{time} * 1000), sys::CaptureCaller());
  return g_next_usleep.get()(time);
}

unsigned HookSleep(unsigned seconds) {
  ParkedCall parked(SleepFor(seconds * kSecondNs), sys::CaptureCaller());
  return g_next_sleep.get()(seconds);
}

}  // extern "C"

}  // namespace limpet
