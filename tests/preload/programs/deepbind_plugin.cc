// A plug-in that is loaded so that it finds libc before the program's own: its calls pass us by.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

extern "C" {

SITE void* PluginAllocates(size_t bytes) {
  void* block = malloc(bytes);
  UseBlock(block);
  return block;
}

SITE void PluginFrees(void* block) { free(block); }

SITE void* PluginResizes(void* block, size_t bytes) { return realloc(block, bytes); }

}  // extern "C"
