// A process whose main thread has ended, and whose other thread goes on: it is a zombie only by
// name.

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "tests/preload/programs/stage.h"

namespace {

SITE void LeaderlessAllocates() {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(100));
}

// As the kernel says, field 3 of /proc/PID/stat.
bool HasMainThread() {
  char stat[64] = {};
  int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  bool is_read = read(file, stat, sizeof(stat) - 1) > 0;
  close(file);
  const char* state = strrchr(stat, ')');
  Require(is_read && state != nullptr, "the main thread's state can be read");
  return state[2] != 'Z';
}

void* GoOn(void*) {
  while (HasMainThread()) sched_yield();
  LeaderlessAllocates();
  Say("alone");
  WaitForTest();
  _exit(3);
}

}  // namespace

int main() {
  StartWatchdog();
  pthread_t thread;
  Require(pthread_create(&thread, nullptr, GoOn, nullptr) == 0, "a thread starts");
  pthread_exit(nullptr);
}
