// A plug-in that finds its helper by its own RUNPATH, at run time.

#include <dlfcn.h>

#include "tests/preload/programs/stage.h"

extern "C" [[gnu::visibility("default")]] void PluginAllocates() {
  void* helper = dlopen("libhelper.so", RTLD_NOW | RTLD_LOCAL);
  if (helper == nullptr) dprintf(STDERR_FILENO, "%s\n", dlerror());
  Require(helper != nullptr, "the helper is found by RUNPATH");
  dlclose(helper);
}
