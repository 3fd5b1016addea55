// Uses C11's threads of a library that has its own.

#include "tests/preload/programs/own_c11_threads.h"
#include "tests/preload/programs/stage.h"

namespace {

OwnMutex g_mutex = {};
int g_count = 0;

int CountUp(void*) {
  for (int i = 0; i < 1000; ++i) {
    Require(mtx_lock(&g_mutex) == kOwnSuccess, "it is locked");
    ++g_count;
    Require(mtx_trylock(&g_mutex) == kOwnBusy, "and held");
    mtx_unlock(&g_mutex);
  }
  return 7;
}

}  // namespace

int main() {
  StartWatchdog();
  unsigned long threads[4];
  for (unsigned long& thread : threads) {
    Require(thrd_create(&thread, CountUp, nullptr) == kOwnSuccess, "a thread starts");
  }
  for (const unsigned long thread : threads) {
    int result = 0;
    Require(thrd_join(thread, &result) == kOwnSuccess && result == 7, "a thread's result");
  }
  Require(g_count == 4000, "one at a time");
  Say("ready");
  WaitForTest();
  _exit(0);
}
