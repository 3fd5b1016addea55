// Condition variables.
//
// glibc has two of each function of POSIX: those before 2.3.2 keep their condition elsewhere, and
// dlsym() of an old libc finds them. Who was linked with one of those (before 2003) is not served.

#include <pthread.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/release_hooks.h"
#include "preload/wait_timeout.h"
#include "runtime/park/hold_waiters.h"

namespace limpet {
namespace {

using Condition = pthread_cond_t;
using Mutex = pthread_mutex_t;

constexpr char kVersion[] = "GLIBC_2.3.2";
NextFunction<int (*)(Condition*, Mutex*)> g_next_wait("pthread_cond_wait", kVersion);
NextFunction<int (*)(Condition*, Mutex*, const timespec*)> g_next_timedwait(
    "pthread_cond_timedwait", kVersion);
NextFunction<int (*)(Condition*, Mutex*, clockid_t, const timespec*)> g_next_clockwait(
    "pthread_cond_clockwait");
NextFunction<int (*)(cnd_t*, mtx_t*)> g_next_cnd_wait("cnd_wait");
NextFunction<int (*)(cnd_t*, mtx_t*, const timespec*)> g_next_cnd_timedwait("cnd_timedwait");

Wait WaitFor(const void* condition, std::uint64_t timeout_ns = kNoTimeout) {
  return {
      .reason = WaitReason::kCondition, .object = AddressOf(condition), .timeout_ns = timeout_ns};
}

// Waiting unlocks it, and who waits for it goes on.
void NoteUnlock(const Mutex* mutex, const sys::CallerFrame& caller) {
  if (HasWaiters(mutex) && g_hold_waiters.AreThereFor(AddressOf(mutex))) [[unlikely]]
    session::OnHoldEnd(AddressOf(mutex), caller);
}
void NoteUnlock(const mtx_t* mutex, const sys::CallerFrame& caller) {
  NoteUnlock(reinterpret_cast<const Mutex*>(mutex), caller);
}

// The one that pthread_condattr_setclock gave it: bit 1 of what glibc counts its waiters in.
clockid_t ClockOf(const Condition* condition) {
  unsigned flags = __atomic_load_n(&condition->__data.__wrefs, __ATOMIC_RELAXED);
  return (flags & 2) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

}  // namespace

void BindConditionHooks() {
  BindAll(g_next_wait, g_next_timedwait, g_next_clockwait, g_next_cnd_wait, g_next_cnd_timedwait);
}

extern "C" {

int HookCondWait(Condition* condition, Mutex* mutex) LIMPET_EXPORT("pthread_cond_wait");
int HookCondTimedwait(Condition* condition, Mutex* mutex, const timespec* end)
    LIMPET_EXPORT("pthread_cond_timedwait");
int HookCondClockwait(Condition* condition, Mutex* mutex, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("pthread_cond_clockwait");
int HookCndWait(cnd_t* condition, mtx_t* mutex) LIMPET_EXPORT("cnd_wait");
int HookCndTimedwait(cnd_t* condition, mtx_t* mutex, const timespec* end)
    LIMPET_EXPORT("cnd_timedwait");

int HookCondWait(Condition* condition, Mutex* mutex) {
  NoteUnlock(mutex, sys::CaptureCaller());
  ParkedCall parked(WaitFor(condition), sys::CaptureCaller());
  return g_next_wait.get()(condition, mutex);
}

int HookCondTimedwait(Condition* condition, Mutex* mutex, const timespec* end) {
  NoteUnlock(mutex, sys::CaptureCaller());
  ParkedCall parked(WaitFor(condition, TimeoutUntil(ClockOf(condition), end)),
                    sys::CaptureCaller());
  return g_next_timedwait.get()(condition, mutex, end);
}

int HookCondClockwait(Condition* condition, Mutex* mutex, clockid_t clock, const timespec* end) {
  NoteUnlock(mutex, sys::CaptureCaller());
  ParkedCall parked(WaitFor(condition, TimeoutUntil(clock, end)), sys::CaptureCaller());
  return g_next_clockwait.get()(condition, mutex, clock, end);
}

int HookCndWait(cnd_t* condition, mtx_t* mutex) {
  NoteUnlock(mutex, sys::CaptureCaller());
  ParkedCall parked(WaitFor(condition), sys::CaptureCaller());
  return g_next_cnd_wait.get()(condition, mutex);
}

int HookCndTimedwait(cnd_t* condition, mtx_t* mutex, const timespec* end) {
  NoteUnlock(mutex, sys::CaptureCaller());
  ParkedCall parked(WaitFor(condition, TimeoutUntil(CLOCK_REALTIME, end)), sys::CaptureCaller());
  return g_next_cnd_timedwait.get()(condition, mutex, end);
}

}  // extern "C"

}  // namespace limpet
