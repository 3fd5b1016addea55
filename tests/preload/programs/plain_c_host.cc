// A program without libstdc++ or libgcc_s that loads a plug-in in C++ (the linker drops what is not
// needed).

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/preload/programs/stage.h"

namespace {

int (*g_catches)(int);

bool HasMapped(const char* name) {
  char text[4096];
  bool has_mapped = false;
  FILE* file = fopen("/proc/self/maps", "r");
  while (fgets(text, sizeof(text), file) != nullptr) has_mapped |= strstr(text, name) != nullptr;
  fclose(file);
  return has_mapped;
}

void* CatchOften(void*) {
  for (int i = 0; i < 500; ++i) Require(g_catches(i) == 100 + i, "the exception is caught");
  return nullptr;
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  Require(!HasMapped("libstdc++") && !HasMapped("libgcc_s"), "this is a C program");
  void* plugin = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  Require(plugin != nullptr, "the plug-in loads");
  g_catches = reinterpret_cast<int (*)(int)>(dlsym(plugin, "PluginCatches"));
  auto throws = reinterpret_cast<void (*)()>(dlsym(plugin, "PluginThrows"));
  pthread_t thread;
  pthread_create(&thread, nullptr, CatchOften, nullptr);
  CatchOften(nullptr);
  pthread_join(thread, nullptr);
  Say("caught");
  WaitForTest();
  if (IsMode(arguments[2], "throw")) throws();
}
