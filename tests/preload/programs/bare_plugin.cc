// A plug-in in C++ that has nothing of its library but operator new and delete: built without
// exceptions, it refers to nothing else.

#include <stdint.h>

#include <cstddef>
#include <new>

#include "tests/preload/programs/stage.h"

namespace {

struct alignas(256) Aligned {
  char bytes[256];
};

SITE void ByBareNew() {
  for (int i = 0; i < 10; ++i) {
    Aligned* block = new Aligned;
    UseBlock(block);
    Require(reinterpret_cast<uintptr_t>(block) % alignof(Aligned) == 0, "new aligns its blocks");
    delete block;
  }
  UseBlock(new char[40]);
}

}  // namespace

extern "C" {

[[gnu::visibility("default")]] void PluginRuns() { ByBareNew(); }

[[gnu::visibility("default")]] void PluginExhausts() {
  volatile std::size_t bytes = PTRDIFF_MAX / 2;
  UseBlock(new char[bytes]);
}

}  // extern "C"
