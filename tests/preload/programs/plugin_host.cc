// A program without libstdc++ that calls plug-ins in turn: plugin_host (PATH FUNCTION keep|drop)...

#include <dlfcn.h>

#include "tests/preload/programs/stage.h"

namespace {

void CallPlugin(const char* path, const char* function, const char* then) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) dprintf(STDERR_FILENO, "%s\n", dlerror());
  Require(library != nullptr, "the plug-in loads");
  auto call = reinterpret_cast<void (*)()>(dlsym(library, function));
  Require(call != nullptr, "the plug-in has its function");
  call();
  if (IsMode(then, "keep")) return;
  dlclose(library);
  Require(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == nullptr, "the plug-in is gone");
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(dlsym(RTLD_DEFAULT, "_Znwm") == nullptr, "there is no operator new");
  for (int i = 1; i + 2 < count; i += 3)
    CallPlugin(arguments[i], arguments[i + 1], arguments[i + 2]);
  Say("ready");
  WaitForTest();
}
