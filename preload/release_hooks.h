// Whether somebody waits for a mutex that is about to be unlocked.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <pthread.h>

#include <cstdint>

namespace limpet {

// Or did a moment ago. Robust and priority-inheriting mutexes hold their owner's id, and the
// kernel's bit for waiters.
// Source: glibc, nptl/pthread_mutex_unlock.c; Linux, include/uapi/linux/futex.h
// Those with a ceiling keep it in the upper bits.
inline bool HasWaiters(const pthread_mutex_t* mutex) {
  constexpr unsigned kFutexWaiters = 0x8000'0000, kContended = 2, kBelowCeiling = 0x7'FFFF;
  auto word = static_cast<unsigned>(__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED));
  return (word & kBelowCeiling) == kContended || word >= kFutexWaiters;
}

// Unlocking by `thread_id` lets others go on: not where it has locked it more than once, nor where
// another has and the kind is one that then refuses.
inline bool IsLetGo(const pthread_mutex_t* mutex, std::uint32_t thread_id) {
  constexpr int kKinds = 3;
  int kind = mutex->__data.__kind & kKinds;
  if (kind != PTHREAD_MUTEX_RECURSIVE && kind != PTHREAD_MUTEX_ERRORCHECK) return true;
  bool is_own = static_cast<std::uint32_t>(mutex->__data.__owner) == thread_id;
  return is_own && (kind == PTHREAD_MUTEX_ERRORCHECK || mutex->__data.__count == 1);
}

}  // namespace limpet
