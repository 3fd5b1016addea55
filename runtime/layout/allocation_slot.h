// One sampled block that is not freed yet.
//
// Its weight says how many such blocks it stands for: 1/(1 - e^(-(size+1)/T)) for a mean interval
// of T bytes (a block is charged one byte more than requested so that empty ones are seen too),
// exactly 1 when every allocation is recorded.
//
//   objects = weight / 2^kWeightBits        bytes = requested_bytes * weight / 2^kWeightBits
//
// Generation is even while a slot is stable and odd while it is being written; a slot with an even
// generation and address 0 is free. A reader copies twice and keeps what did not change.
//
// Runs: target hot path (slow side) | companion.  Threads: one owner at a time.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/stack_node.h"

namespace limpet {

inline constexpr int kWeightBits = 16;
inline constexpr std::uint64_t kWeightOne = std::uint64_t{1} << kWeightBits;

struct AllocationSlot {
  // What freeing touches, in one cache line whatever the slot's number.
  std::atomic<std::uint64_t> address;
  std::atomic<std::uint32_t> generation;
  std::atomic<std::uint32_t> next_free;  // target's own free list; of no meaning to a reader

  std::atomic<std::uint64_t> requested_bytes;
  std::atomic<std::uint64_t> weight;   // units of 2^-kWeightBits
  std::atomic<std::uint64_t> time_ns;  // CLOCK_MONOTONIC, coarse
  std::atomic<StackId> stack;
  std::atomic<std::uint32_t> thread_id;  // kernel's tid
};
static_assert(sizeof(AllocationSlot) == 48 && std::is_standard_layout_v<AllocationSlot>);

// Bytes that a block of `requested_bytes` stands for. Both sides use this one formula, so that what
// was added is taken away to the byte.
constexpr std::uint64_t WeightedBytes(std::uint64_t requested_bytes, std::uint64_t weight) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{requested_bytes} * weight + kWeightOne / 2) >>
                                    kWeightBits);
}

}  // namespace limpet
