// Its constructor, which runs before ours, allocates, and starts threads that do.

#include <pthread.h>
#include <stdlib.h>

#include "tests/preload/programs/stage.h"

extern "C" [[gnu::visibility("default")]] int EarlyThreads() { return 4; }

namespace {

SITE void EarlyAllocates() {
  void* blocks[100];
  for (void*& block : blocks) UseBlock(block = malloc(64));
  for (int i = 0; i < 60; ++i) free(blocks[i]);
}

void* RunEarly(void*) {
  EarlyAllocates();
  return nullptr;
}

[[gnu::constructor(101)]] void StartEarly() {
  EarlyAllocates();  // before the first call of a hook that starts us for its own sake
  pthread_t threads[4];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, RunEarly, nullptr);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
}

}  // namespace
