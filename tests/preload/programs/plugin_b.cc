// The other one; see plugin_a.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

SITE void AllocatesInPluginB() {
  for (int i = 0; i < 5; ++i) UseBlock(malloc(20));
}

extern "C" [[gnu::visibility("default")]] void PluginAllocates() { AllocatesInPluginB(); }
