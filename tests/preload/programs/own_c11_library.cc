#include <pthread.h>
#include <sched.h>
#include <time.h>

#include "tests/preload/programs/own_c11_threads.h"

#define SHOWN [[gnu::visibility("default")]]

extern "C" {

SHOWN int mtx_trylock(OwnMutex* mutex) {
  return __atomic_exchange_n(&mutex->is_held, 1, __ATOMIC_ACQUIRE) == 0 ? kOwnSuccess : kOwnBusy;
}

SHOWN int mtx_lock(OwnMutex* mutex) {
  while (mtx_trylock(mutex) != kOwnSuccess) sched_yield();
  return kOwnSuccess;
}

SHOWN int mtx_timedlock(OwnMutex* mutex, const timespec*) { return mtx_lock(mutex); }

SHOWN int mtx_unlock(OwnMutex* mutex) {
  __atomic_store_n(&mutex->is_held, 0, __ATOMIC_RELEASE);
  return kOwnSuccess;
}

struct Start {
  int (*routine)(void*);
  void* argument;
};

static void* Run(void* argument) {
  const Start start = *static_cast<Start*>(argument);
  delete static_cast<Start*>(argument);
  return reinterpret_cast<void*>(static_cast<long>(start.routine(start.argument)));
}

SHOWN int thrd_create(unsigned long* thread, int (*routine)(void*), void* argument) {
  const int error = pthread_create(thread, nullptr, Run, new Start{routine, argument});
  return error == 0 ? kOwnSuccess : kOwnError;
}

SHOWN int thrd_join(unsigned long thread, int* result) {
  void* returned = nullptr;
  if (pthread_join(thread, &returned) != 0) return kOwnError;
  *result = static_cast<int>(reinterpret_cast<long>(returned));
  return kOwnSuccess;
}

}  // extern "C"
