// Allocates and frees until its very end: in destructors of every kind, and in threads that nobody
// joins.

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

extern "C" void LinkLateLibrary();

namespace {

constexpr int kStatus = 7;
std::atomic<int> g_running = 0;

SITE void* AllocateLate(size_t bytes) {
  void* block = malloc(bytes);
  UseBlock(block);
  return block;
}

struct LateOwner {
  void* block = AllocateLate(40);
  ~LateOwner() {
    free(block);
    free(AllocateLate(5000));
  }
};
LateOwner g_first;
thread_local LateOwner t_late;

struct Last {
  ~Last() { AllocateLate(900); }
} g_last;

void* RunOn(void*) {
  void* blocks[16] = {};
  ++g_running;
  for (unsigned i = 0;; ++i) {
    free(blocks[i % 16]);
    blocks[i % 16] = AllocateLate(20 + i % 200);
  }
}

void AtExit() { free(AllocateLate(300)); }

[[gnu::destructor(65535)]] void EarlyDestructor() { free(AllocateLate(60)); }
[[gnu::destructor(101)]] void LateDestructor() { free(AllocateLate(61)); }

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  LinkLateLibrary();
  atexit(AtExit);
  at_quick_exit(AtExit);
  UseBlock(t_late.block);
  for (int i = 0; i < 3; ++i) {
    pthread_t thread;
    pthread_create(&thread, nullptr, RunOn, nullptr);
    pthread_detach(thread);
  }
  while (g_running < 3) usleep(100);
  if (IsMode(arguments[1], "exit")) exit(kStatus);
  if (IsMode(arguments[1], "quick_exit")) quick_exit(kStatus);
  if (IsMode(arguments[1], "_exit")) _exit(kStatus);
  return kStatus;
}
