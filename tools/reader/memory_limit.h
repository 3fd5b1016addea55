// How near a process is to the limit of its memory cgroup, version 1 or 2.
//
//   used = charged - inactive file pages      the kernel takes those back before it kills
//
// A limit may stand at any ancestor; the one with the least room counts. See memory_cgroup.h.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace limpet {

struct MemoryLimit {
  std::uint64_t used_bytes = 0;
  std::uint64_t limit_bytes = 0;

  std::uint64_t RoomBytes() const {
    return limit_bytes > used_bytes ? limit_bytes - used_bytes : 0;
  }
};

// Absent: no limit, or it cannot be read. `pid` as /proc names it, or "self"; `root` is "" but in
// tests.
std::optional<MemoryLimit> ReadMemoryLimit(const std::string& pid, const std::string& root = "");

}  // namespace limpet
