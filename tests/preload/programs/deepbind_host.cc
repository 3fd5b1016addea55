// Hands blocks to a plug-in that calls libc past us, and takes such blocks from it.

#include <dlfcn.h>
#include <stdlib.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kRounds = 1000;

template <class Function>
Function Find(void* library, const char* name) {
  auto function = reinterpret_cast<Function>(dlsym(library, name));
  Require(function != nullptr, "the plug-in has its functions");
  return function;
}

SITE void* HostAllocates(size_t bytes) {
  void* block = malloc(bytes);
  UseBlock(block);
  return block;
}

SITE void* HostResizes(void* block, size_t bytes) {
  block = realloc(block, bytes);
  UseBlock(block);
  return block;
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  Require(library != nullptr, "the plug-in is there");
  auto allocate = Find<void* (*)(size_t)>(library, "PluginAllocates");
  auto release = Find<void (*)(void*)>(library, "PluginFrees");
  auto resize = Find<void* (*)(void*, size_t)>(library, "PluginResizes");
  for (int i = 0; i < kRounds; ++i) {
    free(allocate(100));
    release(HostAllocates(100));
    release(HostResizes(allocate(50), 300));
    free(resize(HostAllocates(200), 5000));
  }
  Say("ready");
  WaitForTest();
  Require(dlclose(library) == 0, "the plug-in goes");
  return 0;
}
