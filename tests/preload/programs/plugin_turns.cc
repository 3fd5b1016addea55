// A program without libstdc++ that closes one plug-in while a thread is inside another:
// plugin_turns CLOSED USED

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

using Run = void (*)();

volatile bool g_is_over = false;

Run Load(const char* path, void** library) {
  *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  Require(*library != nullptr, "the plug-in loads");
  return reinterpret_cast<Run>(dlsym(*library, "PluginRuns"));
}

void* RunUntilOver(void* run) {
  while (!g_is_over) reinterpret_cast<Run>(run)();
  return nullptr;
}

}  // namespace

int main(int, char** arguments) {
  void *closed = nullptr, *used = nullptr;
  pthread_t thread;
  StartWatchdog();
  Run first = Load(arguments[1], &closed);
  Run second = Load(arguments[2], &used);
  first();
  Require(pthread_create(&thread, nullptr, RunUntilOver, reinterpret_cast<void*>(second)) == 0,
          "a thread starts");
  usleep(2000);
  dlclose(closed);
  usleep(20'000);
  g_is_over = true;
  pthread_join(thread, nullptr);
  Say("ready");
  WaitForTest();
}
