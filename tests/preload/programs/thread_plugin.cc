// A plug-in in C++ whose constructor has a thread use every operator new and delete, and waits for
// it: meanwhile its own thread holds the loader's lock.

#include <pthread.h>

#include <cstddef>
#include <new>
#include <string>

#include "tests/preload/programs/stage.h"

namespace {

struct alignas(64) Aligned {
  char bytes[192];
};

template <class T>
SITE void ByEveryNew() {
  T* blocks[] = {new T, new (std::nothrow) T};
  T* arrays[] = {new T[2], new (std::nothrow) T[2]};
  for (T* block : blocks) UseBlock(block);
  for (T* array : arrays) UseBlock(array);
  for (T* block : blocks) delete block;
  for (T* array : arrays) delete[] array;
}

SITE void* UseAll(void*) {
  ByEveryNew<int>();
  ByEveryNew<Aligned>();
  return nullptr;
}

struct Starter {
  Starter() {
    pthread_t thread;
    alarm(10);
    pthread_create(&thread, nullptr, UseAll, nullptr);
    pthread_join(thread, nullptr);
    StartWatchdog();
  }
};

Starter g_starter;

}  // namespace

extern "C" [[gnu::visibility("default")]] void PluginRuns() {
  // Grows by what this object has of its own, and throws.
  std::string text(100, 'x');
  UseBlock(text.data());
  try {
    UseBlock(text.substr(101).data());
  } catch (const std::exception&) {
    UseAll(nullptr);
  }
}
