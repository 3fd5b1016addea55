// POSIX semaphores.

#include <pthread.h>
#include <semaphore.h>

#include "preload/export.h"
#include "preload/linked_symbols.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/wait_timeout.h"
#include "runtime/sys/errno_keeper.h"

namespace limpet {
namespace {

NextFunction<int (*)(sem_t*)> g_next_trywait("sem_trywait");
NextFunction<int (*)(sem_t*)> g_next_wait("sem_wait");
NextFunction<int (*)(sem_t*, const timespec*)> g_next_timedwait("sem_timedwait");
NextFunction<int (*)(sem_t*, clockid_t, const timespec*)> g_next_clockwait("sem_clockwait");

Wait WaitFor(const sem_t* semaphore, std::uint64_t timeout_ns = kNoTimeout) {
  return {
      .reason = WaitReason::kSemaphore, .object = AddressOf(semaphore), .timeout_ns = timeout_ns};
}

// sem_trywait says by errno that there is none, which sem_wait would not.
bool TryWait(sem_t* semaphore) {
  sys::ErrnoKeeper errno_keeper;
  return g_next_trywait.get()(semaphore) == 0;
}

// Where another library behind us wraps waiting, but not trying to.
int FindNone(sem_t*) { return -1; }

[[gnu::cold, gnu::noinline]] int ParkedWait(sem_t* semaphore) {
  ParkedCall parked(WaitFor(semaphore), sys::CaptureCaller());
  return g_next_wait.get()(semaphore);
}

}  // namespace

void BindSemaphoreHooks() {
  BindAll(g_next_trywait, g_next_wait, g_next_timedwait, g_next_clockwait);
  if (!HaveOneDefinerBehind("sem_trywait", "sem_wait")) g_next_trywait.Set(FindNone);
}

extern "C" {

int HookSemWait(sem_t* semaphore) LIMPET_EXPORT("sem_wait");
int HookSemTimedwait(sem_t* semaphore, const timespec* end) LIMPET_EXPORT("sem_timedwait");
int HookSemClockwait(sem_t* semaphore, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("sem_clockwait");

// A cancellation that is pending must be seen though the semaphore is free, so it is asked for
// before: glibc's sem_wait begins with the same two steps (nptl/sem_wait.c).
int HookSemWait(sem_t* semaphore) {
  pthread_testcancel();
  if (TryWait(semaphore)) return 0;
  return ParkedWait(semaphore);
}

int HookSemTimedwait(sem_t* semaphore, const timespec* end) {
  ParkedCall parked(WaitFor(semaphore, TimeoutUntil(CLOCK_REALTIME, end)), sys::CaptureCaller());
  return g_next_timedwait.get()(semaphore, end);
}

int HookSemClockwait(sem_t* semaphore, clockid_t clock, const timespec* end) {
  ParkedCall parked(WaitFor(semaphore, TimeoutUntil(clock, end)), sys::CaptureCaller());
  return g_next_clockwait.get()(semaphore, clock, end);
}

}  // extern "C"

}  // namespace limpet
