// Becomes other programs, one after the other, with blocks of its own before each.
//
//   execs N LAST...    executes itself N times, then LAST

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

SITE void ExecAllocates() {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(100));
}

}  // namespace

int main(int, char** arguments) {
  char count[16];
  char* const nowhere[] = {arguments[0], nullptr};
  int left = atoi(arguments[1]);
  StartWatchdog();
  ExecAllocates();
  Require(execv("/nowhere/at/all", nowhere) == -1, "there is no such program");
  ExecAllocates();
  Say("left %d", left);
  WaitForTest();
  snprintf(count, sizeof(count), "%d", left - 1);
  arguments[1] = count;
  if (left > 0) execv(arguments[0], arguments);
  execv(arguments[2], arguments + 2);
  _exit(97);
}
