// A program that a companion watches: with known blocks, and children on request.

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

SITE void WatchedAllocates(int blocks, std::size_t bytes) {
  for (int i = 0; i < blocks; ++i) UseBlock(malloc(bytes));
}

SITE void ChildAllocates() { UseBlock(malloc(3000)); }

// Each says its pid.
void ForkThree() {
  for (int i = 0; i < 3; ++i) {
    if (fork() != 0) continue;
    ChildAllocates();
    pause();
  }
}

// What the program sees of children: "none", or the number that ended or live.
void SayChildren() {
  pid_t child = waitpid(-1, nullptr, WNOHANG | __WALL);
  Say("children %s", child < 0 && errno == ECHILD ? "none" : child == 0 ? "living" : "ended");
}

void* DoNothing(void*) { return nullptr; }

void StartThread() {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, DoNothing, nullptr) == 0) pthread_join(thread, nullptr);
}

}  // namespace

// Takes a step for each line of the test, in the order of the arguments.
int main(int count, char** arguments) {
  StartWatchdog();
  WatchedAllocates(10, 100);
  Say("ready");
  for (int i = 1; i < count; ++i) {
    WaitForTest();
    if (IsMode(arguments[i], "grow")) WatchedAllocates(64, 64 << 10);
    if (IsMode(arguments[i], "fork")) ForkThree();
    if (IsMode(arguments[i], "thread")) StartThread();
    if (IsMode(arguments[i], "signal and end")) return raise(SIGUSR1);
    if (IsMode(arguments[i], "vanish")) syscall(SYS_exit_group, 3);  // which no hook sees
    SayChildren();
  }
  WaitForTest();
  return 0;
}
