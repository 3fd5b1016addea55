// Loads and unloads plug-ins that allocate.

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

using Plugin = void (*)();

void* Load(const char* path, int flags = RTLD_NOW | RTLD_LOCAL) {
  void* library = dlopen(path, flags);
  if (library == nullptr) dprintf(STDERR_FILENO, "%s\n", dlerror());
  Require(library != nullptr, "the plug-in loads");
  return library;
}

Plugin Find(void* library) {
  auto plugin = reinterpret_cast<Plugin>(dlsym(library, "PluginAllocates"));
  Require(plugin != nullptr, "the plug-in has its function");
  return plugin;
}

void* BaseOf(Plugin plugin) {
  Dl_info object = {};
  Require(dladdr(reinterpret_cast<void*>(plugin), &object) != 0, "a plug-in has a base");
  return object.dli_fbase;
}

// The two in turn; the second usually comes to lie where the first was.
void Alternate(const char* a, const char* b, int rounds) {
  int same = 0;
  for (int i = 0; i < rounds; ++i) {
    void* library = Load(a);
    void* base = BaseOf(Find(library));
    Find(library)();
    dlclose(library);
    library = Load(b);
    same += BaseOf(Find(library)) == base ? 1 : 0;
    Find(library)();
    dlclose(library);
  }
  Say("same address %d", same);
  WaitForTest();
}

// --- Some threads allocate through plug-ins that others load and unload ---

std::atomic<bool> g_is_over = false;
std::atomic<unsigned long> g_blocks = 0;
const char* g_paths[2];

SITE void* AllocateOn(void*) {
  unsigned long count = 0;
  while (!g_is_over.load()) {
    void* block = malloc(50);
    UseBlock(block);
    free(block);
    ++count;
  }
  g_blocks.fetch_add(count);
  return nullptr;
}

void* LoadOn(void* argument) {
  auto* path = static_cast<const char*>(argument);
  while (!g_is_over.load()) {
    void* library = Load(path);
    Find(library)();
    dlclose(library);
  }
  return nullptr;
}

void Race(int seconds) {
  pthread_t threads[4];
  pthread_create(&threads[0], nullptr, AllocateOn, nullptr);
  pthread_create(&threads[1], nullptr, AllocateOn, nullptr);
  pthread_create(&threads[2], nullptr, LoadOn, const_cast<char*>(g_paths[0]));
  pthread_create(&threads[3], nullptr, LoadOn, const_cast<char*>(g_paths[1]));
  sleep(static_cast<unsigned>(seconds));
  g_is_over = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("blocks %lu", g_blocks.load());
  WaitForTest();
}

void LoadOnce(void* library) {
  for (int i = 0; i < 10; ++i) Find(library)();
  Say("ready");
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  const char* mode = arguments[1];
  StartWatchdog();
  g_paths[0] = arguments[2];
  g_paths[1] = arguments[3];
  if (IsMode(mode, "alternate")) Alternate(arguments[2], arguments[3], 50);
  if (IsMode(mode, "race")) {
    alarm(static_cast<unsigned>(atoi(arguments[4])) + kWatchdogSeconds);
    Race(atoi(arguments[4]));
  }
  if (IsMode(mode, "plain")) LoadOnce(Load(arguments[2]));
  if (IsMode(mode, "deepbind")) LoadOnce(Load(arguments[2], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
  if (IsMode(mode, "dlmopen")) {
    void* library = dlmopen(LM_ID_NEWLM, arguments[2], RTLD_NOW | RTLD_LOCAL);
    Require(library != nullptr, "the plug-in loads in a namespace of its own");
    LoadOnce(library);
  }
}
