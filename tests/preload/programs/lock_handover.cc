// A mutex that somebody waits for goes from one thread to another, who was made after the wait
// began; as glibc's does, where the other is faster than who was woken.

#include <pthread.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
volatile bool g_is_taken = false;

SITE void* WaitForMutex(void*) {
  pthread_setname_np(pthread_self(), "waiter");
  pthread_mutex_lock(&g_mutex);
  return nullptr;
}

// What the lock says of its owner, without waking who waits for it.
SITE void* TakeMutex(void*) {
  pthread_setname_np(pthread_self(), "taker");
  g_mutex.__data.__owner = gettid();
  g_is_taken = true;
  for (;;) pause();
}

bool HasWaiter() { return __atomic_load_n(&g_mutex.__data.__lock, __ATOMIC_ACQUIRE) == 2; }

}  // namespace

int main() {
  StartWatchdog();
  pthread_t waiter, taker;
  pthread_mutex_lock(&g_mutex);
  pthread_create(&waiter, nullptr, WaitForMutex, nullptr);
  while (!HasWaiter()) usleep(1000);
  usleep(100'000);  // clocks are coarse: the other is to be younger than the wait beyond doubt
  pthread_create(&taker, nullptr, TakeMutex, nullptr);
  while (!g_is_taken) usleep(1000);
  Say("ready");
  WaitForTest();
  _exit(0);
}
