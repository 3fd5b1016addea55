// Takes locks that are free, each of which another library that wraps this hears of.

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "tests/preload/programs/ready.h"
#include "tests/preload/programs/stage.h"

namespace {

constexpr int kTimes = 100;

void TakeLocks() {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  sem_t semaphore;
  sem_init(&semaphore, 0, 1);
  for (int i = 0; i < kTimes; ++i) {
    Require(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0, "a mutex");
    Require(pthread_rwlock_rdlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0, "a reader");
    Require(sem_wait(&semaphore) == 0 && sem_post(&semaphore) == 0, "a semaphore");
  }
}

}  // namespace

int main() {
  StartWatchdog();
  auto wrapped = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "wrapped_locks"));
  const int before = wrapped != nullptr ? wrapped() : 0;
  free(malloc(100));  // with each block recorded, there is a segment
  TakeLocks();
  if (wrapped != nullptr) Require(wrapped() - before == 3 * kTimes, "it heard of each");
  Ready();
}
