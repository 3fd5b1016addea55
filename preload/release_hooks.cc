// What lets others go on: unlocking, posting, signalling.
//
// Where nobody waits, which glibc keeps in the object itself, all they do is look and jump: a word
// that the real function reads as well, and a comparison. Where somebody does, it is noted who ends
// the wait, before it ends: then the object may be gone.
//
//   pthread_mutex_unlock ─▶ word = 2? ─ no ─▶ the real one
//                                     └ yes ─▶ session::OnHoldEnd ─▶ the real one
//
// Runs: target hot path.

#include "preload/release_hooks.h"

#include <semaphore.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "runtime/hold_path.h"
#include "runtime/park/hold_waiters.h"

namespace limpet {
namespace {

#define LIMPET_COLD [[gnu::cold, gnu::noinline]]

using Condition = pthread_cond_t;
using Mutex = pthread_mutex_t;
using ReadWriteLock = pthread_rwlock_t;

NextFunction<int (*)(Mutex*)> g_next_mutex_unlock("pthread_mutex_unlock");
NextFunction<int (*)(ReadWriteLock*)> g_next_rwlock_unlock("pthread_rwlock_unlock");
NextFunction<int (*)(mtx_t*)> g_next_mtx_unlock("mtx_unlock");
NextFunction<int (*)(sem_t*)> g_next_sem_post("sem_post");
constexpr char kVersion[] = "GLIBC_2.3.2";  // as of waiting (condition_hooks.cc)
NextFunction<int (*)(Condition*)> g_next_signal("pthread_cond_signal", kVersion);
NextFunction<int (*)(Condition*)> g_next_broadcast("pthread_cond_broadcast", kVersion);
NextFunction<int (*)(cnd_t*)> g_next_cnd_signal("cnd_signal");
NextFunction<int (*)(cnd_t*)> g_next_cnd_broadcast("cnd_broadcast");

unsigned Load(const unsigned& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

// Somebody waits, or did a moment ago. Each of them as glibc 2.25 to 2.41 has it.
// Source: glibc, sysdeps/nptl/bits/struct_rwlock.h, nptl/pthread_rwlock_common.c
bool HasWaiters(const ReadWriteLock* lock) {
  constexpr unsigned kFutexUsed = 2;  // PTHREAD_RWLOCK_FUTEX_USED
  return ((Load(lock->__data.__writers_futex) | Load(lock->__data.__wrphase_futex)) & kFutexUsed) !=
         0;
}
bool IsWritten(const ReadWriteLock* lock) {
  return __atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED) != 0;
}
// Source: glibc, nptl/sem_waitcommon.c: the upper half counts waiters.
bool HasWaiters(const sem_t* semaphore) {
  constexpr int kWaitersShift = 32;
  auto* data = reinterpret_cast<const std::uint64_t*>(semaphore);
  return __atomic_load_n(data, __ATOMIC_RELAXED) >> kWaitersShift != 0;
}
// Source: glibc, nptl/pthread_cond_common.c: the low bits are flags.
bool HasWaiters(const Condition* condition) {
  constexpr int kWaitersShift = 3;
  return Load(condition->__data.__wrefs) >> kWaitersShift != 0;
}
const Mutex* MutexOf(const Mutex* mutex) { return mutex; }
const Mutex* MutexOf(const mtx_t* mutex) { return reinterpret_cast<const Mutex*>(mutex); }
const Condition* ConditionOf(const cnd_t* condition) {
  return reinterpret_cast<const Condition*>(condition);
}

bool IsAwaited(const void* lock) { return g_hold_waiters.AreThereFor(AddressOf(lock)); }

// These are jumped to, so that their caller is the program.
template <class Object>
[[gnu::noinline]] int SignalAwaited(NextFunction<int (*)(Object*)>& next, Object* object) {
  session::OnSignal(AddressOf(object), sys::CaptureCaller());
  return next.get()(object);
}

template <class Lock>
LIMPET_COLD int EndHoldThen(NextFunction<int (*)(Lock*)>& next, Lock* lock) {
  session::OnHoldEnd(AddressOf(lock), sys::CaptureCaller());
  return next.get()(lock);
}

template <class Lock>
LIMPET_COLD int UnlockAwaited(NextFunction<int (*)(Lock*)>& next, Lock* mutex) {
  if (!IsLetGo(MutexOf(mutex), session::OwnThreadId())) return next.get()(mutex);
  return EndHoldThen(next, mutex);
}

}  // namespace

void BindReleaseHooks() {
  BindAll(g_next_mutex_unlock, g_next_rwlock_unlock, g_next_mtx_unlock, g_next_sem_post,
          g_next_signal, g_next_broadcast, g_next_cnd_signal, g_next_cnd_broadcast);
}

extern "C" {

int HookMutexUnlock(Mutex* mutex) LIMPET_EXPORT("pthread_mutex_unlock");
int HookReadWriteUnlock(ReadWriteLock* lock) LIMPET_EXPORT("pthread_rwlock_unlock");
int HookMtxUnlock(mtx_t* mutex) LIMPET_EXPORT("mtx_unlock");
int HookSemPost(sem_t* semaphore) LIMPET_EXPORT("sem_post");
int HookCondSignal(Condition* condition) LIMPET_EXPORT("pthread_cond_signal");
int HookCondBroadcast(Condition* condition) LIMPET_EXPORT("pthread_cond_broadcast");
int HookCndSignal(cnd_t* condition) LIMPET_EXPORT("cnd_signal");
int HookCndBroadcast(cnd_t* condition) LIMPET_EXPORT("cnd_broadcast");

int HookMutexUnlock(Mutex* mutex) {
  if (HasWaiters(mutex) && IsAwaited(mutex)) [[unlikely]]
    return UnlockAwaited(g_next_mutex_unlock, mutex);
  return g_next_mutex_unlock.get()(mutex);
}

int HookReadWriteUnlock(ReadWriteLock* lock) {
  if (!IsWritten(lock)) session::OnReadUnlock(AddressOf(lock));
  if (HasWaiters(lock) && IsAwaited(lock)) [[unlikely]]
    return EndHoldThen(g_next_rwlock_unlock, lock);
  return g_next_rwlock_unlock.get()(lock);
}

int HookMtxUnlock(mtx_t* mutex) {
  if (HasWaiters(MutexOf(mutex)) && IsAwaited(mutex)) [[unlikely]]
    return UnlockAwaited(g_next_mtx_unlock, mutex);
  return g_next_mtx_unlock.get()(mutex);
}

int HookSemPost(sem_t* semaphore) {
  if (HasWaiters(semaphore)) [[unlikely]]
    return SignalAwaited(g_next_sem_post, semaphore);
  return g_next_sem_post.get()(semaphore);
}

int HookCondSignal(Condition* condition) {
  if (HasWaiters(condition)) [[unlikely]]
    return SignalAwaited(g_next_signal, condition);
  return g_next_signal.get()(condition);
}

int HookCondBroadcast(Condition* condition) {
  if (HasWaiters(condition)) [[unlikely]]
    return SignalAwaited(g_next_broadcast, condition);
  return g_next_broadcast.get()(condition);
}

int HookCndSignal(cnd_t* condition) {
  if (HasWaiters(ConditionOf(condition))) [[unlikely]]
    return SignalAwaited(g_next_cnd_signal, condition);
  return g_next_cnd_signal.get()(condition);
}

int HookCndBroadcast(cnd_t* condition) {
  if (HasWaiters(ConditionOf(condition))) [[unlikely]]
    return SignalAwaited(g_next_cnd_broadcast, condition);
  return g_next_cnd_broadcast.get()(condition);
}

}  // extern "C"

}  // namespace limpet
