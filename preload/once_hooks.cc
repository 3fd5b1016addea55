// What one thread does for all: the others wait until it is done.
//
// The one that does it is not waiting, but who that is shows only inside of the real function. So
// it is given a routine of ours, which ends the wait before it goes on.

#include <pthread.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/once_owners.h"
#include "preload/parked_call.h"

namespace limpet {
namespace {

NextFunction<int (*)(pthread_once_t*, void (*)())> g_next_once("pthread_once");
NextFunction<void (*)(once_flag*, void (*)())> g_next_call_once("call_once");

// The call under way, for a routine that is given no argument.
struct OnceCall {
  const void* flag;
  void (*routine)();
  ParkedCall* parked;
  OnceCall* outer;
};
constinit thread_local OnceCall* t_once = nullptr;

// The routine may wait, throw or end the thread: nothing of the call is left behind.
void RunOnce() {
  const OnceCall* call = t_once;
  t_once = call->outer;
  call->parked->StopWaiting();
  const void* flag = call->flag;
  SetOnceOwner(flag, session::OwnThreadId());
  call->routine();
  ClearOnceOwner(flag);
}

// What glibc sets in both kinds of flags when all is done; from then on nobody waits.
bool IsDone(const int* flag) {
  constexpr int kDone = 2;
  return (__atomic_load_n(flag, __ATOMIC_ACQUIRE) & kDone) != 0;
}

template <class Function, class Flag>
auto ParkedOnce(Function next, Flag* flag, void (*routine)(), const sys::CallerFrame& caller) {
  ParkedCall parked(
      {.reason = WaitReason::kOnce, .object = AddressOf(flag), .owner_thread_id = OnceOwner(flag)},
      caller);
  OnceCall call = {flag, routine, &parked, t_once};
  t_once = &call;
  struct Restore {
    const OnceCall* call;
    // Still there where another thread did it; a fiber may end here in another thread.
    ~Restore() {
      if (t_once == call) t_once = call->outer;
    }
  } restore = {&call};
  return next(flag, RunOnce);
}

// The guard of a function's static variable, for which libstdc++ waits by syscall().
NextFunction<int (*)(void*)> g_next_guard_acquire("__cxa_guard_acquire");
NextFunction<void (*)(void*)> g_next_guard_release("__cxa_guard_release");
NextFunction<void (*)(void*)> g_next_guard_abort("__cxa_guard_abort");

int ParkedGuard(void* guard, const sys::CallerFrame& caller) {
  ParkedCall parked({.reason = WaitReason::kOnce,
                     .object = AddressOf(guard),
                     .owner_thread_id = OnceOwner(guard),
                     .is_composite = true},
                    caller);
  return g_next_guard_acquire.get()(guard);
}

}  // namespace

void BindOnceHooks() {
  BindAll(g_next_once, g_next_call_once, g_next_guard_acquire, g_next_guard_release,
          g_next_guard_abort);
}

extern "C" {

int HookOnce(pthread_once_t* flag, void (*routine)()) LIMPET_EXPORT("pthread_once");
void HookCallOnce(once_flag* flag, void (*routine)()) LIMPET_EXPORT("call_once");
int HookGuardAcquire(void* guard) LIMPET_EXPORT("__cxa_guard_acquire");
void HookGuardRelease(void* guard) LIMPET_EXPORT("__cxa_guard_release");
void HookGuardAbort(void* guard) LIMPET_EXPORT("__cxa_guard_abort");

int HookOnce(pthread_once_t* flag, void (*routine)()) {
  if (IsDone(flag)) return g_next_once.get()(flag, routine);
  return ParkedOnce(g_next_once.get(), flag, routine, sys::CaptureCaller());
}

void HookCallOnce(once_flag* flag, void (*routine)()) {
  if (IsDone(&flag->__data)) return g_next_call_once.get()(flag, routine);
  ParkedOnce(g_next_call_once.get(), flag, routine, sys::CaptureCaller());
}

// Who is told 1 initialises the variable, and says when it is done.
int HookGuardAcquire(void* guard) {
  int is_mine = ParkedGuard(guard, sys::CaptureCaller());
  if (is_mine != 0) SetOnceOwner(guard, session::OwnThreadId());
  return is_mine;
}

void HookGuardRelease(void* guard) {
  ClearOnceOwner(guard);
  g_next_guard_release.get()(guard);
}

void HookGuardAbort(void* guard) {
  ClearOnceOwner(guard);
  g_next_guard_abort.get()(guard);
}

}  // extern "C"

}  // namespace limpet
