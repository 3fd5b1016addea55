// A plug-in in C++ that throws, catches, and lets an exception go.

#include <stdlib.h>

#include <stdexcept>
#include <string>

#include "tests/preload/programs/stage.h"

extern "C" {

[[gnu::visibility("default")]] int PluginCatches(int depth);
[[gnu::visibility("default")]] void PluginThrows();

SITE int PluginCatches(int depth) {
  try {
    std::string text(static_cast<std::size_t>(100 + depth), 'x');
    throw std::runtime_error(text);
  } catch (const std::exception& error) {
    return static_cast<int>(strlen(error.what()));
  }
}

void PluginThrows() { throw std::runtime_error("nobody catches this"); }

}  // extern "C"
