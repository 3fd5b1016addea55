// Known blocks of a program without C++ library (the linker drops what is not needed).

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

SITE void ByMalloc() {
  void* blocks[200];
  for (void*& block : blocks) UseBlock(block = malloc(100));
  for (int i = 0; i < 100; ++i) free(blocks[i]);
}

int main() {
  StartWatchdog();
  ByMalloc();
  Say("ready");
  WaitForTest();
}
