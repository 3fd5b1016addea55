// A plug-in with a function that no other has, at the place where plugin_b has its own.

#include <stdlib.h>

#include "tests/preload/programs/stage.h"

SITE void AllocatesInPluginA() {
  for (int i = 0; i < 3; ++i) UseBlock(malloc(10));
}

extern "C" [[gnu::visibility("default")]] void PluginAllocates() { AllocatesInPluginA(); }
