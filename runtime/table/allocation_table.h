// The sampled blocks that are in use: address -> size, weight, stack, thread, time.
//
//   FreeFilter (may it be one?) -> AddressIndex (which slot?) -> AllocationSlot in the segment
//
// Free and realloc order: a free is taken out BEFORE the real free, since the address may be handed
// out again at once. For realloc the block is detached, and reattached if the real call fails.
//
// Runs: target hot path.  Threads: any; async-signal-safe, lock-free.  Allocates: never after
// Attach.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"
#include "runtime/sys/index_stack.h"
#include "runtime/table/address_index.h"
#include "runtime/table/free_filter.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

enum class SlotId : std::uint32_t { kNone = ~std::uint32_t{0} };

struct SampledBlock {
  std::uint64_t address;
  std::uint64_t requested_bytes;
  std::uint64_t weight;
  std::uint64_t time_ns;
  StackId stack;
  std::uint32_t thread_id;
};

class AllocationTable {
 public:
  // Starts empty in a fresh segment. `expected` is how many samples the table is laid out for.
  [[nodiscard]] bool Attach(SegmentWriter* segment, FreeFilter* filter, std::uint64_t expected);

  // Replaces an entry of the same address. False, counted: no slot left; the block is then
  // allocated but never in use.
  bool Insert(const SampledBlock& block);

  // Takes a block out and keeps its slot for Reattach or Release; kNone: not a sample.
  [[nodiscard]] SlotId Detach(std::uint64_t address);
  void Reattach(SlotId slot);
  void Release(SlotId slot);

  std::uint64_t private_bytes() const { return index_.bytes(); }

 private:
  void RemoveStale(std::uint64_t address);
  std::uint32_t TakeSlot();
  void Fill(AllocationSlot* slot, const SampledBlock& block);
  bool Enter(std::uint64_t address, std::uint32_t slot);

  SegmentWriter* segment_ = nullptr;
  FreeFilter* filter_ = nullptr;
  AllocationSlot* slots_ = nullptr;
  SectionEntry* section_ = nullptr;
  AddressIndex index_;
  sys::IndexStack free_slots_;
};

}  // namespace limpet
