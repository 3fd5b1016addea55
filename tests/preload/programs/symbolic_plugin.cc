// A plug-in with operators of its own that libstdc++ calls too: strings grow inside the library,
// and are deleted here. Linked with -Bsymbolic-functions, as some distributions link everything.

#include <string>

#include "tests/preload/programs/own_operators.h"

extern "C" [[gnu::visibility("default")]] void PluginRuns() {
  for (int i = 0; i < 10; ++i) {
    std::string text;
    for (int letters = 0; letters < 100; ++letters) text.push_back('x');
    UseBlock(text.data());
  }
}
