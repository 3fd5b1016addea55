// Whether somebody waits for a mutex that is about to be unlocked.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <pthread.h>

namespace limpet {

// Or did a moment ago. Robust and priority-inheriting mutexes hold their owner's id, and the
// kernel's bit for waiters.
// Source: glibc, nptl/pthread_mutex_unlock.c; Linux, include/uapi/linux/futex.h
inline bool HasWaiters(const pthread_mutex_t* mutex) {
  constexpr unsigned kFutexWaiters = 0x8000'0000, kContended = 2;
  auto word = static_cast<unsigned>(__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED));
  return word == kContended || word >= kFutexWaiters;
}

}  // namespace limpet
