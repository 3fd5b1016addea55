// Mutexes and read-write locks.
//
// Tried first: an uncontended one is taken at once, and costs a call and a comparison more. Only
// where it is held (EBUSY) the real function is asked, and waits as it would; any other answer is
// the caller's: a robust mutex may be ours with EOWNERDEAD. Where another library behind us wraps
// taking a lock, but not trying to, nothing is tried, and each time it is taken counts as a wait.

#include <errno.h>
#include <pthread.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/linked_symbols.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/wait_timeout.h"
#include "runtime/hold_path.h"
#include "runtime/sys/cheap_atomic.h"

namespace limpet {
namespace {

#define LIMPET_COLD [[gnu::cold, gnu::noinline]]

using Mutex = pthread_mutex_t;
using ReadWriteLock = pthread_rwlock_t;

template <class Lock>
using LockFunction = int (*)(Lock*);
template <class Lock>
using TimedLockFunction = int (*)(Lock*, const timespec*);
template <class Lock>
using ClockLockFunction = int (*)(Lock*, clockid_t, const timespec*);

template <class Lock>
int FindBusy(Lock*) {
  return EBUSY;
}

// The functions for one way to take a lock.
template <class Lock>
struct LockFamily {
  NextFunction<LockFunction<Lock>> attempt;
  NextFunction<LockFunction<Lock>> lock;
  NextFunction<TimedLockFunction<Lock>> timed;
  NextFunction<ClockLockFunction<Lock>> clock;

  void Bind() {
    BindAll(attempt, lock, timed, clock);
    bool may_try = HaveOneDefinerBehind(attempt.name(), lock.name()) &&
                   HaveOneDefinerBehind(attempt.name(), timed.name()) &&
                   HaveOneDefinerBehind(attempt.name(), clock.name());
    if (!may_try) attempt.Set(FindBusy<Lock>);
  }
};

constinit LockFamily<Mutex> g_mutex = {
    NextFunction<LockFunction<Mutex>>("pthread_mutex_trylock"),
    NextFunction<LockFunction<Mutex>>("pthread_mutex_lock"),
    NextFunction<TimedLockFunction<Mutex>>("pthread_mutex_timedlock"),
    NextFunction<ClockLockFunction<Mutex>>("pthread_mutex_clocklock")};
constinit LockFamily<ReadWriteLock> g_read = {
    NextFunction<LockFunction<ReadWriteLock>>("pthread_rwlock_tryrdlock"),
    NextFunction<LockFunction<ReadWriteLock>>("pthread_rwlock_rdlock"),
    NextFunction<TimedLockFunction<ReadWriteLock>>("pthread_rwlock_timedrdlock"),
    NextFunction<ClockLockFunction<ReadWriteLock>>("pthread_rwlock_clockrdlock")};
constinit LockFamily<ReadWriteLock> g_write = {
    NextFunction<LockFunction<ReadWriteLock>>("pthread_rwlock_trywrlock"),
    NextFunction<LockFunction<ReadWriteLock>>("pthread_rwlock_wrlock"),
    NextFunction<TimedLockFunction<ReadWriteLock>>("pthread_rwlock_timedwrlock"),
    NextFunction<ClockLockFunction<ReadWriteLock>>("pthread_rwlock_clockwrlock")};

// That of g_read may be one that finds it busy.
NextFunction<LockFunction<ReadWriteLock>> g_next_try_read("pthread_rwlock_tryrdlock");

using C11Lock = int (*)(mtx_t*);
using C11TimedLock = int (*)(mtx_t*, const timespec*);
NextFunction<C11Lock> g_next_mtx_trylock("mtx_trylock");
NextFunction<C11Lock> g_next_mtx_lock("mtx_lock");
NextFunction<C11TimedLock> g_next_mtx_timedlock("mtx_timedlock");

int FindMtxBusy(mtx_t*) { return thrd_busy; }

void BindMtxHooks() {
  BindAll(g_next_mtx_trylock, g_next_mtx_lock, g_next_mtx_timedlock);
  bool may_try = HaveOneDefinerBehind("mtx_trylock", "mtx_lock") &&
                 HaveOneDefinerBehind("mtx_trylock", "mtx_timedlock");
  if (!may_try) g_next_mtx_trylock.Set(FindMtxBusy);
}

// Who holds it when the wait begins, as glibc notes it; 0: unknown.
std::uint32_t OwnerOf(const Mutex* mutex) {
  return static_cast<std::uint32_t>(__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED));
}
std::uint32_t OwnerOf(const ReadWriteLock* lock) {
  return static_cast<std::uint32_t>(__atomic_load_n(&lock->__data.__cur_writer, __ATOMIC_RELAXED));
}
// glibc's mtx_t holds a mutex.
std::uint32_t OwnerOf(const mtx_t* mutex) { return OwnerOf(reinterpret_cast<const Mutex*>(mutex)); }

template <class Lock>
Wait WaitFor(WaitReason reason, const Lock* lock, std::uint64_t timeout_ns = kNoTimeout) {
  return {.reason = reason,
          .object = AddressOf(lock),
          .timeout_ns = timeout_ns,
          .owner_thread_id = OwnerOf(lock)};
}

LIMPET_COLD int ParkedMutexLock(Mutex* mutex) {
  ParkedCall parked(WaitFor(WaitReason::kMutex, mutex), sys::CaptureCaller());
  return g_mutex.lock.get()(mutex);
}

// Who reads is known to us alone.
[[gnu::always_inline]] inline int NoteReader(ReadWriteLock* lock, int result) {
  if (result == 0) [[likely]]
    session::OnReadLocked(AddressOf(lock));
  return result;
}

LIMPET_COLD int ParkedReadLock(ReadWriteLock* lock) {
  ParkedCall parked(WaitFor(WaitReason::kReadLock, lock), sys::CaptureCaller());
  return NoteReader(lock, g_read.lock.get()(lock));
}

LIMPET_COLD int ParkedWriteLock(ReadWriteLock* lock) {
  ParkedCall parked(WaitFor(WaitReason::kWriteLock, lock), sys::CaptureCaller());
  return g_write.lock.get()(lock);
}

LIMPET_COLD int ParkedMtxLock(mtx_t* mutex) {
  ParkedCall parked(WaitFor(WaitReason::kMutex, mutex), sys::CaptureCaller());
  return g_next_mtx_lock.get()(mutex);
}

// What a hook's own frame shows of its caller travels along: these are called, not jumped to.
template <class Lock>
LIMPET_COLD int ParkedTimed(TimedLockFunction<Lock> next, WaitReason reason, Lock* lock,
                            const timespec* end, const sys::CallerFrame& caller) {
  ParkedCall parked(WaitFor(reason, lock, PassedTimeoutUntil(CLOCK_REALTIME, end)), caller);
  return next(lock, end);
}

template <class Lock>
LIMPET_COLD int ParkedClock(LockFamily<Lock>& family, WaitReason reason, Lock* lock,
                            clockid_t clock, const timespec* end, const sys::CallerFrame& caller) {
  ParkedCall parked(WaitFor(reason, lock, PassedTimeoutUntil(clock, end)), caller);
  return family.clock.get()(lock, clock, end);
}

// Though the lock is free: read-write locks look at the time first, if there is one; mutexes only
// to wait.
bool IsRefused(const ReadWriteLock*, clockid_t clock, const timespec* end) {
  return end != nullptr ? !IsMoment(clock, end) : !IsLockClock(clock);
}
bool IsRefused(const Mutex*, clockid_t clock, const timespec*) { return !IsLockClock(clock); }

// With one thread nobody comes before us, and glibc takes a plain one without a locked instruction,
// which trying does not. Another library's mutexes we do not know.
bool IsFreeForOneThread(const Mutex* mutex) {
  return sys::IsSingleThreaded() && g_mutex.attempt.get() != FindBusy<Mutex> &&
         mutex->__data.__kind == PTHREAD_MUTEX_TIMED_NP && mutex->__data.__lock == 0;
}

// Of one whose owner has died the kernel looks at the time first, where trying does not.
bool MayTry(const Mutex* mutex) {
  constexpr int kRobustInheriting = 0x10 | 0x20;  // glibc, pthreadP.h: PTHREAD_MUTEX_..._NP
  return (mutex->__data.__kind & kRobustInheriting) != kRobustInheriting;
}
bool MayTry(const ReadWriteLock*) { return true; }

template <class Lock>
[[gnu::always_inline]] inline int TryThenTimed(LockFamily<Lock>& family, WaitReason reason,
                                               Lock* lock, const timespec* end,
                                               const sys::CallerFrame& caller) {
  if (IsRefused(lock, CLOCK_REALTIME, end)) return family.timed.get()(lock, end);
  int result = MayTry(lock) ? family.attempt.get()(lock) : EBUSY;
  if (result != EBUSY) [[likely]]
    return result;
  return ParkedTimed(family.timed.get(), reason, lock, end, caller);
}

template <class Lock>
[[gnu::always_inline]] inline int TryThenClock(LockFamily<Lock>& family, WaitReason reason,
                                               Lock* lock, clockid_t clock, const timespec* end,
                                               const sys::CallerFrame& caller) {
  if (IsRefused(lock, clock, end)) return family.clock.get()(lock, clock, end);
  int result = MayTry(lock) ? family.attempt.get()(lock) : EBUSY;
  if (result != EBUSY) [[likely]]
    return result;
  return ParkedClock(family, reason, lock, clock, end, caller);
}

}  // namespace

void BindLockHooks() {
  BindAll(g_mutex, g_read, g_write, g_next_try_read);
  BindMtxHooks();
}

extern "C" {

int HookMutexLock(Mutex* mutex) LIMPET_EXPORT("pthread_mutex_lock");
int HookMutexTimedlock(Mutex* mutex, const timespec* end) LIMPET_EXPORT("pthread_mutex_timedlock");
int HookMutexClocklock(Mutex* mutex, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("pthread_mutex_clocklock");
int HookReadLock(ReadWriteLock* lock) LIMPET_EXPORT("pthread_rwlock_rdlock");
int HookTryReadLock(ReadWriteLock* lock) LIMPET_EXPORT("pthread_rwlock_tryrdlock");
int HookTimedReadLock(ReadWriteLock* lock, const timespec* end)
    LIMPET_EXPORT("pthread_rwlock_timedrdlock");
int HookClockReadLock(ReadWriteLock* lock, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("pthread_rwlock_clockrdlock");
int HookWriteLock(ReadWriteLock* lock) LIMPET_EXPORT("pthread_rwlock_wrlock");
int HookTimedWriteLock(ReadWriteLock* lock, const timespec* end)
    LIMPET_EXPORT("pthread_rwlock_timedwrlock");
int HookClockWriteLock(ReadWriteLock* lock, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("pthread_rwlock_clockwrlock");
int HookMtxLock(mtx_t* mutex) LIMPET_EXPORT("mtx_lock");
int HookMtxTimedlock(mtx_t* mutex, const timespec* end) LIMPET_EXPORT("mtx_timedlock");

int HookMutexLock(Mutex* mutex) {
  if (IsFreeForOneThread(mutex)) return g_mutex.lock.get()(mutex);
  int result = g_mutex.attempt.get()(mutex);
  if (result != EBUSY) [[likely]]
    return result;
  return ParkedMutexLock(mutex);
}

int HookMutexTimedlock(Mutex* mutex, const timespec* end) {
  return TryThenTimed(g_mutex, WaitReason::kMutex, mutex, end, sys::CaptureCaller());
}

int HookMutexClocklock(Mutex* mutex, clockid_t clock, const timespec* end) {
  return TryThenClock(g_mutex, WaitReason::kMutex, mutex, clock, end, sys::CaptureCaller());
}

int HookReadLock(ReadWriteLock* lock) {
  int result = g_read.attempt.get()(lock);
  if (result != EBUSY) [[likely]]
    return NoteReader(lock, result);
  return ParkedReadLock(lock);
}

int HookTryReadLock(ReadWriteLock* lock) { return NoteReader(lock, g_next_try_read.get()(lock)); }

int HookTimedReadLock(ReadWriteLock* lock, const timespec* end) {
  return NoteReader(lock,
                    TryThenTimed(g_read, WaitReason::kReadLock, lock, end, sys::CaptureCaller()));
}

int HookClockReadLock(ReadWriteLock* lock, clockid_t clock, const timespec* end) {
  return NoteReader(
      lock, TryThenClock(g_read, WaitReason::kReadLock, lock, clock, end, sys::CaptureCaller()));
}

int HookWriteLock(ReadWriteLock* lock) {
  int result = g_write.attempt.get()(lock);
  if (result != EBUSY) [[likely]]
    return result;
  return ParkedWriteLock(lock);
}

int HookTimedWriteLock(ReadWriteLock* lock, const timespec* end) {
  return TryThenTimed(g_write, WaitReason::kWriteLock, lock, end, sys::CaptureCaller());
}

int HookClockWriteLock(ReadWriteLock* lock, clockid_t clock, const timespec* end) {
  return TryThenClock(g_write, WaitReason::kWriteLock, lock, clock, end, sys::CaptureCaller());
}

int HookMtxLock(mtx_t* mutex) {
  int result = g_next_mtx_trylock.get()(mutex);
  if (result != thrd_busy) [[likely]]
    return result;
  return ParkedMtxLock(mutex);
}

int HookMtxTimedlock(mtx_t* mutex, const timespec* end) {
  int result = g_next_mtx_trylock.get()(mutex);
  if (result != thrd_busy) [[likely]]
    return result;
  return ParkedTimed(g_next_mtx_timedlock.get(), WaitReason::kMutex, mutex, end,
                     sys::CaptureCaller());
}

}  // extern "C"

}  // namespace limpet
