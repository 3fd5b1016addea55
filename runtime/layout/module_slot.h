// An executable or shared object that was mapped when a stack went through it. Never removed:
// stacks of a module that was unloaded stay nameable.
//
// Runs: target hot path (cold side) | companion.  Threads: written once, then published by `ready`.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace limpet {

inline constexpr std::uint32_t kMaxBuildIdBytes = 32;

struct ModuleSlot {
  std::uint64_t start;  // the executable mapping [start, end)
  std::uint64_t end;
  std::uint64_t load_bias;    // address in memory minus address in the file's program headers
  std::uint64_t file_offset;  // of the executable mapping
  std::uint32_t path_offset;  // into kStrings
  std::uint32_t path_bytes;
  std::uint32_t build_id_bytes;
  std::atomic<std::uint32_t> ready;  // 1: the fields above are complete
  std::uint8_t build_id[kMaxBuildIdBytes];
  std::uint64_t map_start;  // the whole object in memory, all its segments
  std::uint64_t map_end;
};
static_assert(sizeof(ModuleSlot) == 96 && std::is_standard_layout_v<ModuleSlot>);

}  // namespace limpet
