// Allocates what a sampled profile has to estimate.
//
//   mixed ROUNDS   many small and few large blocks from one stack, freed after each round; those of
//                  the last one when the test has looked
//   touched        64 MiB in blocks of 64 KiB, every byte of them touched, after as many freed
//   ones;
//                  besides, 16 MiB that malloc knows nothing of

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/preload/programs/stage.h"

namespace {

// As many bytes in the small as in the large ones.
constexpr size_t kSmallBlocks = 262'144, kSmallBytes = 16;
constexpr size_t kLargeBlocks = 16, kLargeBytes = 256 << 10;
constexpr size_t kTouchedBlocks = 1024, kTouchedBytes = 64 << 10;
constexpr size_t kOtherBytes = 16 << 20;

void* g_blocks[kSmallBlocks + kLargeBlocks];

// One call for both sizes, so that they are one stack.
SITE void AllocateMixed() {
  size_t count = 0;
  for (void*& block : g_blocks) {
    block = malloc(count++ % (kSmallBlocks / kLargeBlocks + 1) == 0 ? kLargeBytes : kSmallBytes);
    UseBlock(block);
  }
}

void FreeMixed() {
  for (void* block : g_blocks) free(block);
}

void RunMixed(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    if (round != 0) FreeMixed();
    AllocateMixed();
  }
  Say("allocated");
  WaitForTest();
  FreeMixed();
  Say("freed");
  WaitForTest();
}

void FreeAtOnce() {
  for (size_t i = 0; i < kTouchedBlocks; ++i) {
    void* block = malloc(kTouchedBytes);
    UseBlock(block);
    free(block);
  }
}

void TouchOthers() {
  void* others =
      mmap(nullptr, kOtherBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Require(others != MAP_FAILED, "memory is mapped");
  memset(others, 1, kOtherBytes);
}

SITE void AllocateTouched() {
  for (size_t i = 0; i < kTouchedBlocks; ++i) {
    void* block = malloc(kTouchedBytes);
    memset(block, 1, kTouchedBytes);
    UseBlock(block);
  }
  Say("allocated");
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  if (IsMode(arguments[1], "mixed")) RunMixed(atoi(arguments[2]));
  if (IsMode(arguments[1], "touched")) FreeAtOnce(), TouchOthers(), AllocateTouched();
}
