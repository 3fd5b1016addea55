// Has an allocator under names of its own, as Rust programs with jemalloc do.
#include <cstddef>

extern "C" [[gnu::used]] void* _rjem_malloc(std::size_t bytes) {
  static char room[4096];
  return bytes <= sizeof(room) ? room : nullptr;
}

int main() { return _rjem_malloc(1) == nullptr ? 1 : 0; }
