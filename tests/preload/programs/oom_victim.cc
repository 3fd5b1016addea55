// Leaks until the kernel ends it: a MiB every few milliseconds.

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr std::size_t kLeakBytes = 1 << 20;

SITE void LeaksForEver() {
  for (;;) {
    void* block = malloc(kLeakBytes);
    if (block != nullptr) memset(block, 1, kLeakBytes);
    UseBlock(block);
    timespec pause = {0, 20'000'000};
    nanosleep(&pause, nullptr);
  }
}

}  // namespace

int main() {
  StartWatchdog();
  LeaksForEver();
}
