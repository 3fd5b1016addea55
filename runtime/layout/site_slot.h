// Totals of what one stack allocated since the segment began. What is in use is not here: a reader
// adds up the live AllocationSlots of the stack, so freeing costs no shared counter.
//
// Runs: target hot path (slow side) | companion.  Threads: relaxed adds.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/stack_node.h"

namespace limpet {

enum class SiteKind : std::uint32_t { kHeap = 0, kMapping = 1 };

struct SiteSlot {
  StackId stack;
  SiteKind kind;
  std::atomic<std::uint64_t> allocated_objects;  // estimate, units of 2^-kWeightBits
  std::atomic<std::uint64_t> allocated_bytes;    // estimate
  std::atomic<std::uint64_t> samples;
  std::atomic<std::uint32_t> sibling;  // the same stack's entry of another kind, 0: none
  std::uint32_t path_check;            // target's own, of no meaning to a reader
};
static_assert(sizeof(SiteSlot) == 40 && std::is_standard_layout_v<SiteSlot>);

}  // namespace limpet
