// Lets the test look at what was allocated before main().

#include "tests/preload/programs/stage.h"

extern "C" int EarlyThreads();

int main() {
  StartWatchdog();
  Require(EarlyThreads() == 4, "the library is linked");
  Say("ready");
  WaitForTest();
}
