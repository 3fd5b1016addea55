// Has a family of processes, each with blocks of its own.
//
//   families COUNT [COMMAND...]   forks COUNT children, then one that executes COMMAND

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kMaxChildren = 16;

SITE void ParentAllocates() {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(100));
}

SITE void ChildAllocates(int index) {
  for (int i = 0; i <= index; ++i) UseBlock(malloc(50));
  asm volatile("");
}

void WaitForChild(int pid) {
  int status = -1;
  Require(waitpid(pid, &status, 0) == pid && status == 0, "the child ends well");
}

}  // namespace

int main(int, char** arguments) {
  int children[kMaxChildren];
  int count = atoi(arguments[1]);
  StartWatchdog();
  ParentAllocates();
  for (int i = 0; i < count; ++i) {
    children[i] = fork();
    if (children[i] != 0) continue;
    StartWatchdog();
    ChildAllocates(i);
    exit(0);
  }
  for (int i = 0; i < count; ++i) WaitForChild(children[i]);
  if (arguments[2] == nullptr) return 0;
  int pid = fork();
  if (pid == 0) {
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  WaitForChild(pid);
}
