// Two threads that are given the blocks the other one frees.
//
//   handed      each block at the very moment of its free or realloc (handover.h); all are kept
//   ping_pong   as libc does it, to and fro; one in 64 is kept, number and sum of addresses are
//   told

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>

#include <atomic>

#include "tests/preload/programs/handover.h"
#include "tests/preload/programs/stage.h"

namespace {

SITE void Give(void** block) { UseBlock(*block = malloc(kHandedBytes)); }
SITE void Resize(void* block) { UseBlock(realloc(block, 100)); }

SITE void* TakeAll(void*) {
  for (int i = 0; i < kHandedBlocks; ++i) {
    while (!IsGivenBack()) sched_yield();
    UseBlock(malloc(kHandedBytes));
    SayTaken();
  }
  return nullptr;
}

// Half of them by free, half by realloc.
void RunHanded() {
  void* blocks[kHandedBlocks];
  pthread_t taker;
  for (void*& block : blocks) Give(&block);
  pthread_create(&taker, nullptr, TakeAll, nullptr);
  for (int i = 0; i < kHandedBlocks; i += 2) {
    free(blocks[i]);
    Resize(blocks[i + 1]);
  }
  pthread_join(taker, nullptr);
  Say("done");
}

constexpr int kTurns = 200'000;
constexpr size_t kPingPongBytes = 2000;

std::atomic<void*> g_between[2] = {};  // for each of the two to free
std::atomic<uintptr_t> g_kept_sum = 0;
std::atomic<int> g_kept = 0;

SITE void* PingPong(void* own) {
  auto* in = static_cast<std::atomic<void*>*>(own);
  std::atomic<void*>& out = g_between[in == g_between];
  for (int i = 0; i < kTurns; ++i) {
    void* block = malloc(kPingPongBytes);
    UseBlock(block);
    if (i % 64 == 0) {
      g_kept_sum += reinterpret_cast<uintptr_t>(block);
      ++g_kept;
    } else {
      free(out.exchange(block));  // what the other one did not take in time
    }
    free(in->exchange(nullptr));
  }
  return nullptr;
}

void RunPingPong() {
  pthread_t threads[2];
  mallopt(M_ARENA_MAX, 1);
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], nullptr, PingPong, &g_between[i]);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  for (auto& block : g_between) free(block.exchange(nullptr));
  Say("kept %d at %lu", g_kept.load(), static_cast<unsigned long>(g_kept_sum));
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  if (IsMode(arguments[1], "handed")) RunHanded();
  if (IsMode(arguments[1], "ping_pong")) RunPingPong();
  WaitForTest();
}
