// Not position-independent, and takes the address of what it calls: that of malloc is then one of
// its own, for every library too.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

namespace {

using Malloc = void* (*)(size_t);
using Free = void (*)(void*);

struct Functions {
  Malloc malloc;
  Free free;
};
const Functions kFunctions = {malloc, free};

SITE void ByAddress(const volatile Functions* functions) {
  void* blocks[20];
  for (void*& block : blocks) UseBlock(block = functions->malloc(50));
  for (int i = 0; i < 15; ++i) functions->free(blocks[i]);
}

SITE void ByName() {
  void* blocks[20];
  for (void*& block : blocks) UseBlock(block = malloc(50));
  for (int i = 0; i < 15; ++i) free(blocks[i]);
}

}  // namespace

int main() {
  StartWatchdog();
  ByAddress(&kFunctions);
  ByName();
  Say("ready");
  WaitForTest();
}
