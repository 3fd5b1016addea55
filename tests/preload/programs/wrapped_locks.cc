// Takes locks that are free, and reads, each of which another library that wraps this hears of; and
// sleeps, when nobody asks that library what time it is.

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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

void ReadNothing() {
  for (int i = 0; i < kTimes; ++i) static_cast<void>(read(-1, nullptr, 0));
}

void Sleep() {
  const timespec moment = {.tv_sec = 0, .tv_nsec = 1000};
  for (int i = 0; i < kTimes; ++i) nanosleep(&moment, nullptr);
}

// How much what the other library counts grows; as `expected` where it is not there.
int GrowthOf(const char* counter, void (*work)(), int expected) {
  auto count = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, counter));
  const int before = count != nullptr ? count() : 0;
  work();
  return count != nullptr ? count() - before : expected;
}

}  // namespace

int main() {
  StartWatchdog();
  free(malloc(100));  // with each block recorded, there is a segment
  Require(GrowthOf("wrapped_locks", TakeLocks, 3 * kTimes) == 3 * kTimes, "it heard of each");
  Require(GrowthOf("wrapped_reads", ReadNothing, kTimes) == kTimes, "and of each read");
  Require(GrowthOf("wrapped_clock_reads", Sleep, 0) == 0, "its clock may tell any time");
  Ready();
}
