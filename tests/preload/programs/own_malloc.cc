// Has its own malloc in the executable, so that nothing reaches the hooks.

#include <stddef.h>
#include <string.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kArenaBytes = 1 << 20;
alignas(16) char g_arena[kArenaBytes];
size_t g_used = 0;

}  // namespace

extern "C" {

[[gnu::visibility("default")]] void* malloc(size_t bytes) {
  size_t rounded = (bytes + 31) & ~size_t{15};
  if (rounded > kArenaBytes - g_used) return nullptr;
  void* block = g_arena + g_used;
  g_used += rounded;
  return block;
}
[[gnu::visibility("default")]] void free(void*) {}
[[gnu::visibility("default")]] void* calloc(size_t count, size_t bytes) {
  return malloc(count * bytes);
}
[[gnu::visibility("default")]] void* realloc(void* block, size_t bytes) {
  void* moved = malloc(bytes);
  if (moved != nullptr && block != nullptr) {
    size_t behind = static_cast<size_t>(g_arena + kArenaBytes - static_cast<char*>(block));
    memmove(moved, block, bytes < behind ? bytes : behind);
  }
  return moved;
}

}  // extern "C"

SITE void ByOwnMalloc() {
  for (int i = 0; i < 100; ++i) {
    void* block = malloc(100);
    UseBlock(block);
    free(block);
  }
}

int main() {
  StartWatchdog();
  ByOwnMalloc();
  char* text = strdup("libc allocates by our malloc");
  Require(text >= g_arena && text < g_arena + kArenaBytes, "strdup takes our malloc");
  Say("ready");
  WaitForTest();
}
