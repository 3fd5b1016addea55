// A plug-in with operators of its own, over malloc: each block has a header that the other
// library's operator delete does not know of.

#include <stdint.h>
#include <stdlib.h>

#include <new>

#include "tests/preload/programs/stage.h"

namespace {

constexpr std::size_t kHeaderBytes = 16;
constexpr uint64_t kMark = 0x6f776e206e657721;

}  // namespace

[[gnu::visibility("default")]] void* operator new(std::size_t bytes) {
  auto* block = static_cast<char*>(malloc(bytes + kHeaderBytes));
  memcpy(block, &kMark, sizeof(kMark));
  return block + kHeaderBytes;
}

[[gnu::visibility("default")]] void operator delete(void* block) noexcept {
  if (block == nullptr) return;
  char* start = static_cast<char*>(block) - kHeaderBytes;
  Require(memcmp(start, &kMark, sizeof(kMark)) == 0, "what is deleted was made here");
  free(start);
}

[[gnu::visibility("default")]] void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

extern "C" {

[[gnu::visibility("default")]] void PluginRuns() {
  int* block = new int;
  UseBlock(block);
  delete block;
  UseBlock(nullptr);  // so that delete is called, not jumped to: its caller is this plug-in
}

[[gnu::visibility("default")]] void PluginOwns() {
  int* block = new int;
  UseBlock(block);
  const char* header = reinterpret_cast<char*>(block) - kHeaderBytes;
  Require(memcmp(header, &kMark, sizeof(kMark)) == 0, "what is made was made here");
  delete block;
}

}  // extern "C"
