// libc's malloc, but for blocks of kHandedBytes: those are handed over (handover.h).

#include <sched.h>
#include <stdint.h>
#include <string.h>

#include <atomic>

#include "tests/preload/programs/handover.h"

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void __libc_free(void* block);
}

#define EXPORTED [[gnu::visibility("default")]]

namespace {

alignas(64) char g_blocks[kHandedBlocks][kHandedBytes + 64 - kHandedBytes % 64];
std::atomic<int> g_fresh = 0;
std::atomic<void*> g_given = nullptr;
std::atomic<bool> g_is_taken = false;

bool IsHanded(const void* block) { return block >= g_blocks && block < g_blocks + kHandedBlocks; }

void* Take() {
  void* given = g_given.exchange(nullptr);
  return given != nullptr ? given : g_blocks[g_fresh.fetch_add(1)];
}

void HandOver(void* block) {
  g_is_taken = false;
  g_given = block;
  while (!g_is_taken) sched_yield();
}

}  // namespace

EXPORTED bool IsGivenBack() { return g_given != nullptr; }
EXPORTED void SayTaken() { g_is_taken = true; }

// None of these calls another by its name: that call would go through the hooks.
extern "C" EXPORTED void* malloc(size_t bytes) {
  return bytes == kHandedBytes ? Take() : __libc_malloc(bytes);
}

extern "C" EXPORTED void free(void* block) {
  IsHanded(block) ? HandOver(block) : __libc_free(block);
}

extern "C" EXPORTED void* realloc(void* block, size_t bytes) {
  if (!IsHanded(block)) return __libc_realloc(block, bytes);
  void* moved = __libc_malloc(bytes);
  memcpy(moved, block, bytes < kHandedBytes ? bytes : kHandedBytes);
  HandOver(block);
  return moved;
}
