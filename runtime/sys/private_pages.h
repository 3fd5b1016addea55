// Anonymous memory of our own, outside the program's heap and invisible to its mmap hooks.
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: pages, by mmap.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {

inline constexpr std::size_t kPageBytes = 4096;

// Zeroed pages that cost memory only where they are touched; nullptr when the system refuses.
template <class T>
T* MapPrivatePages(std::size_t bytes) {
  long address = RawSyscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return Failed(address) ? nullptr : reinterpret_cast<T*>(address);
}

inline void UnmapPages(const void* address, std::size_t bytes) {
  RawSyscall(SYS_munmap, reinterpret_cast<long>(address), static_cast<long>(bytes));
}

}  // namespace limpet::sys
