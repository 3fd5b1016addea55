// Known blocks by malloc and by new, for whatever allocator serves them.

#include <stdlib.h>

#include <new>
#include <string>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kBlocks = 200;

SITE void ByMalloc() {
  void* blocks[kBlocks];
  for (void*& block : blocks) UseBlock(block = malloc(100));
  for (int i = 0; i < kBlocks / 2; ++i) free(blocks[i]);
}
SITE void ByRealloc() {
  void* block = nullptr;
  for (size_t bytes = 100; bytes <= 1000; bytes += 100) UseBlock(block = realloc(block, bytes));
}
SITE void ByCalloc() { UseBlock(calloc(7, 70)); }
SITE void ByNew() {
  char* blocks[kBlocks];
  for (char*& block : blocks) UseBlock(block = new char[60]);
  for (int i = 0; i < kBlocks / 2; ++i) delete[] blocks[i];
}
SITE void BySizedDelete() {
  for (int i = 0; i < kBlocks; ++i) {
    auto* text = new std::string(50, 'x');
    UseBlock(text->data());
    delete text;
  }
}
SITE void ByAlignedNew() {
  for (int i = 0; i < 10; ++i) {
    void* block = operator new (640, std::align_val_t{64});
    UseBlock(block);
    if (i % 2 == 0) operator delete (block, std::align_val_t{64});
  }
}
SITE void ByNothrowNew() { UseBlock(operator new(33, std::nothrow)); }

}  // namespace

int main() {
  StartWatchdog();
  ByMalloc();
  ByRealloc();
  ByCalloc();
  ByNew();
  BySizedDelete();
  ByAlignedNew();
  ByNothrowNew();
  Say("ready");
  WaitForTest();
}
