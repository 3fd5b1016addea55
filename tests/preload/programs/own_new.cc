// Replaces operator new and delete by its own, over malloc.

#include <stdlib.h>

#include <new>

#include "tests/preload/programs/stage.h"

void* operator new(std::size_t bytes) {
  void* block = malloc(bytes + 16);
  if (block == nullptr) throw std::bad_alloc();
  return static_cast<char*>(block) + 16;
}
void operator delete(void* block) noexcept {
  if (block != nullptr) free(static_cast<char*>(block) - 16);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }

namespace {

SITE void ByOwnNew() {
  int* kept[20];
  for (int*& block : kept) UseBlock(block = new int);
  for (int i = 0; i < 15; ++i) delete kept[i];
}

}  // namespace

int main() {
  StartWatchdog();
  ByOwnNew();
  Say("ready");
  WaitForTest();
}
