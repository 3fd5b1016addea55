// Memory of our own, outside the program's heap and invisible to its mmap hooks.
//
// In a program that called mlockall(MCL_FUTURE) the kernel fills every new mapping at once and
// counts all of it against RLIMIT_MEMLOCK. Ours are large and hardly touched. So one page is mapped
// and unlocked, and then grows: a mapping that is not locked grows without being filled or counted.
// (In a sandbox, which may forbid munlock, they are mapped as they come: there only threads'
// records are, 16 at a time.)
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: pages, by mmap.
#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet::sys {

inline constexpr std::size_t kPageBytes = 4096;

inline void UnmapPages(const void* address, std::size_t bytes) {
  RawSyscall(SYS_munmap, reinterpret_cast<long>(address), static_cast<long>(bytes));
}

// Private pages read as zero from then on, and cost no memory until they are written again. False:
// they are as they were, because the program has locked them.
inline bool DropPages(const void* address, std::size_t bytes) {
  return !Failed(RawSyscall(SYS_madvise, reinterpret_cast<long>(address), static_cast<long>(bytes),
                            MADV_DONTNEED));
}

// In forked children they read as zero, and no fork copies them. Where the kernel does not know it
// they are inherited as others are.
inline void WipePagesOnFork(const void* address, std::size_t bytes) {
  RawSyscall(SYS_madvise, reinterpret_cast<long>(address), static_cast<long>(bytes),
             MADV_WIPEONFORK);
}

// Pages that cost memory only where they are touched: of a file, or private ones where `descriptor`
// is -1. They replace what is at `at`, if that is given. The address, or what RawSyscall says of a
// failure, which may leave nothing at `at`.
inline long MapUnlockedPages(std::size_t bytes, int descriptor, const void* at = nullptr) {
  int flags = MAP_NORESERVE | (descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
  if (IsSandboxed() && at == nullptr)
    return RawSyscall(SYS_mmap, 0, static_cast<long>(bytes), PROT_READ | PROT_WRITE, flags,
                      descriptor, 0);
  long page = RawSyscall(SYS_mmap, 0, kPageBytes, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (Failed(page)) return page;
  RawSyscall(SYS_munlock, page, kPageBytes);
  long address = RawSyscall(SYS_mremap, page, kPageBytes, static_cast<long>(bytes),
                            MREMAP_MAYMOVE | (at == nullptr ? 0 : MREMAP_FIXED), AsArgument(at));
  if (Failed(address)) RawSyscall(SYS_munmap, page, kPageBytes);
  return address;
}

// Zeroed pages; nullptr when the system refuses.
template <class T>
T* MapPrivatePages(std::size_t bytes) {
  long address = MapUnlockedPages(bytes, -1);
  return Failed(address) ? nullptr : reinterpret_cast<T*>(address);
}

}  // namespace limpet::sys
