// Allocates for the victim from a library that comes and goes.

#include <stdlib.h>

extern "C" [[gnu::visibility("default")]] void* AllocateInPlugin(std::size_t bytes);

void* AllocateInPlugin(std::size_t bytes) {
  void* block = malloc(bytes);
  asm volatile("" : "+r"(block));  // no tail call
  return block;
}
