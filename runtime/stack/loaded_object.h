// Finds the executable or shared object that an address belongs to, without a lock.
//
// glibc 2.35 gives `_dl_find_object`; it is bound by name at start, because a hard reference would
// keep the library from loading on 2.34. There, and in code of no object (JIT), nothing is found
// and walks follow frame pointers.
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

struct LoadedObject {
  std::uint64_t map_start = 0;  // the object in memory, all its segments
  std::uint64_t map_end = 0;
  std::uint64_t eh_frame_header = 0;
  std::uint64_t load_bias = 0;
  const char* path = nullptr;  // as the loader knows it; empty for the main executable
};

// Binds `_dl_find_object`. Call before the first walk, where dlsym is allowed.
void BindObjectFinder();

// False where no object holds `address`.
[[nodiscard]] bool FindLoadedObject(std::uint64_t address, LoadedObject* object);

}  // namespace limpet
