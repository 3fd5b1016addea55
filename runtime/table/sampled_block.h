// What is recorded of a block or a mapping, on its way into a slot of the segment.
//
// Runs: target hot path (slow side).  Threads: plain data.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"

namespace limpet {

struct SampledBlock {
  std::uint64_t address;
  std::uint64_t requested_bytes;
  std::uint64_t weight;
  std::uint64_t time_ns;
  StackId stack;
  std::uint32_t thread_id;

  // Into a slot that is the caller's and whose generation is odd. The release stores keep to the
  // order of the generation's, so that a reader who finds the same even one before and after has a
  // whole slot; the address comes last, because it makes a free slot one in use.
  void WriteTo(AllocationSlot* slot) const {
    slot->requested_bytes.store(requested_bytes, std::memory_order_release);
    slot->weight.store(weight, std::memory_order_release);
    slot->time_ns.store(time_ns, std::memory_order_release);
    slot->stack.store(stack, std::memory_order_release);
    slot->thread_id.store(thread_id, std::memory_order_release);
    slot->address.store(address, std::memory_order_release);
  }
};

}  // namespace limpet
