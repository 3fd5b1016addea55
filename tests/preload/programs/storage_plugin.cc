// A plug-in with as much storage of its threads, in the static block, as the loader still has room
// for.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

namespace {

[[gnu::tls_model("initial-exec")]] thread_local char t_storage[1500];

SITE void AllocatesWithStorage() {
  for (int i = 0; i < 3; ++i) UseBlock(malloc(10));
  UseBlock(t_storage);
}

}  // namespace

extern "C" [[gnu::visibility("default")]] void PluginAllocates() { AllocatesWithStorage(); }
