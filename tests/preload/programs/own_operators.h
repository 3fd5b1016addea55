// Operators new and delete over malloc whose blocks have a header: another library's operator
// delete does not know of it.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include <new>

#include "tests/preload/programs/stage.h"

constexpr std::size_t kHeaderBytes = 16;
constexpr uint64_t kMark = 0x6f776e206e657721;

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
