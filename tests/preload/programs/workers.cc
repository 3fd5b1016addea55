// Forks three workers that each allocate what no other does, and waits.

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kWorkers = 3;

SITE void MasterAllocates() { UseBlock(malloc(5000)); }
SITE void WorkerAllocates(int number) {
  for (int i = 0; i < 10 * number; ++i) UseBlock(malloc(100));
}

// Lives on when its master is killed, until the test or the watchdog ends it.
[[noreturn]] void Work(int number) {
  StartWatchdog();
  WorkerAllocates(number);
  Say("worker %d", getpid());
  while (true) pause();
}

}  // namespace

int main() {
  StartWatchdog();
  MasterAllocates();
  int workers[kWorkers];
  for (int i = 0; i < kWorkers; ++i) {
    workers[i] = fork();
    Require(workers[i] >= 0, "a worker can be forked");
    if (workers[i] == 0) Work(i + 1);
    WaitForTest();  // one line after the other
  }
  Say("ready");
  WaitForTest();
  for (int worker : workers) {
    kill(worker, SIGTERM);
    waitpid(worker, nullptr, 0);
  }
  return 0;
}
