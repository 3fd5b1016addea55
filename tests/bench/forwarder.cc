// The least a preload can do: each function jumps to the next one. What limpet adds is measured
// against this.

#include <dlfcn.h>

#include <cstddef>

namespace {

void Load();

void* FirstMalloc(std::size_t bytes);
void* FirstCalloc(std::size_t count, std::size_t bytes);
void* FirstRealloc(void* block, std::size_t bytes);
void FirstFree(void* block);

struct Next {
  void* (*malloc)(std::size_t) = FirstMalloc;
  void* (*calloc)(std::size_t, std::size_t) = FirstCalloc;
  void* (*realloc)(void*, std::size_t) = FirstRealloc;
  void (*free)(void*) = FirstFree;
};
Next g_next;

// The first call may come before constructors; these names are always found, so nothing allocates.
void* FirstMalloc(std::size_t bytes) {
  Load();
  return g_next.malloc(bytes);
}
void* FirstCalloc(std::size_t count, std::size_t bytes) {
  Load();
  return g_next.calloc(count, bytes);
}
void* FirstRealloc(void* block, std::size_t bytes) {
  Load();
  return g_next.realloc(block, bytes);
}
void FirstFree(void* block) {
  Load();
  g_next.free(block);
}

template <class Function>
void Bind(const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void Load() {
  Bind("malloc", &g_next.malloc);
  Bind("calloc", &g_next.calloc);
  Bind("realloc", &g_next.realloc);
  Bind("free", &g_next.free);
}

}  // namespace

extern "C" {
void* malloc(std::size_t bytes) { return g_next.malloc(bytes); }
void* calloc(std::size_t count, std::size_t bytes) { return g_next.calloc(count, bytes); }
void* realloc(void* block, std::size_t bytes) { return g_next.realloc(block, bytes); }
void free(void* block) { g_next.free(block); }
}
