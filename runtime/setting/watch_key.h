// Which companion watches which processes: those of one pid namespace and the same cgroups.
//
//   key  = FNV-1a of the pid namespace's inode, then of /proc/self/cgroup
//   lock = <runtime directory>/watch-<key>.lock     holds a WatchLock, locked by the one that
//   watches
//
// A companion ends with the container or service it is in: it must not serve processes of another,
// which would lose it, nor keep a service from ending for another's sake.
//
// FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv, 64 bits.
//
// Runs: target startup | companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limpet {

// What a lock file says to those who do not want to wait for the lock.
struct WatchLock {
  std::uint64_t beat_ns;  // CLOCK_MONOTONIC
  std::uint32_t pid;
  std::uint32_t reserved;
};

inline constexpr std::uint64_t kWatchKeySeed = 0xcbf29ce484222325;

inline std::uint64_t AddToWatchKey(std::uint64_t key, const char* text, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    key = (key ^ static_cast<unsigned char>(text[i])) * 0x100000001b3;
  return key;
}

inline std::uint64_t StartWatchKey(std::uint64_t pid_namespace) {
  return AddToWatchKey(kWatchKeySeed, reinterpret_cast<const char*>(&pid_namespace),
                       sizeof(pid_namespace));
}

inline constexpr std::size_t kWatchLockNameBytes = 28;  // with the ending NUL

inline void WriteWatchLockName(std::uint64_t key, char* name) {
  constexpr char kBlank[kWatchLockNameBytes] = "watch-0000000000000000.lock";
  for (std::size_t i = 0; i < kWatchLockNameBytes; ++i) name[i] = kBlank[i];
  for (std::size_t digit = 0; digit < 16; ++digit)
    name[6 + digit] = "0123456789abcdef"[key >> (60 - 4 * digit) & 15];
}

}  // namespace limpet
