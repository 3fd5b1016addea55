// A plug-in that has the C++ library inside of it.

#include <string>

#include "tests/preload/programs/stage.h"

extern "C" [[gnu::visibility("default")]] void PluginRuns() {
  for (int i = 0; i < 1000; ++i) {
    auto* text = new std::string(100, 'x');
    UseBlock(text->data());
    delete text;
  }
}
