// Ends in every way there is, with known blocks.

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kStatus = 7;

SITE void ExitAllocates() {
  void* blocks[5];
  for (void*& block : blocks) UseBlock(block = malloc(200));
  free(blocks[0]);
  free(blocks[1]);
}

SITE void LateAllocates() { UseBlock(malloc(900)); }

}  // namespace

int main(int, char** arguments) {
  const char* way = arguments[1];
  StartWatchdog();
  if (IsMode(way, "empty")) {
    Say("ready");
    WaitForTest();
    return 0;
  }
  ExitAllocates();
  atexit(LateAllocates);
  at_quick_exit(LateAllocates);
  if (IsMode(way, "exit")) exit(kStatus);
  if (IsMode(way, "_exit")) _exit(kStatus);
  if (IsMode(way, "_Exit")) _Exit(kStatus);
  if (IsMode(way, "quick_exit")) quick_exit(kStatus);
  if (IsMode(way, "abort")) abort();
  if (IsMode(way, "SIGKILL")) raise(SIGKILL);
  if (IsMode(way, "SIGSEGV")) *static_cast<volatile int*>(nullptr) = 1;
  return kStatus;
}
