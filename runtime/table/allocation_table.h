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

#include <atomic>
#include <cstdint>

#include "runtime/table/address_index.h"
#include "runtime/table/free_filter.h"
#include "runtime/table/free_slots.h"
#include "runtime/table/sampled_block.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

enum class SlotId : std::uint32_t { kNone = ~std::uint32_t{0} };

// A slot that a thread keeps of those it freed, for its next sample: a thread that allocates and
// frees by turns leaves the list that all share alone. All zero: none.
class SpareSlot {
 public:
  // False: there is one already.
  bool Put(std::uint32_t slot) {
    std::uint32_t none = 0;
    return kept_.load(std::memory_order_relaxed) == 0 &&
           sys::CompareExchangeOwn(kept_, none, slot + 1);
  }
  // kNone: there is none.
  std::uint32_t Take() {
    std::uint32_t kept = kept_.load(std::memory_order_relaxed);
    bool is_taken = kept != 0 && sys::CompareExchangeOwn(kept_, kept, std::uint32_t{0});
    return is_taken ? kept - 1 : sys::IndexStack::kNone;
  }
  void Clear() { kept_.store(0, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint32_t> kept_ = 0;  // slot + 1
};

class AllocationTable {
 public:
  // Starts empty in a fresh segment. `expected` is how many samples the table is laid out for.
  [[nodiscard]] bool Attach(SegmentWriter* segment, FreeFilter* filter, std::uint64_t expected);

  // Replaces an entry of the same address. False, counted: no slot left; the block is then
  // allocated but never in use.
  bool Insert(const SampledBlock& block, SpareSlot* spare = nullptr);

  // Before Insert, while there is other work to do: the place is fetched from memory meanwhile.
  void Prefetch(std::uint64_t address) const { index_.Prefetch(address); }

  // Takes a block out and keeps its slot for Reattach or Release; kNone: not a sample.
  [[nodiscard]] SlotId Detach(std::uint64_t address);
  // Takes a block out for good. False: not a sample.
  bool Remove(std::uint64_t address, SpareSlot* spare);
  void Reattach(SlotId slot);
  void Release(SlotId slot, SpareSlot* spare = nullptr);

  // The list of free slots lies in the segment, and somebody else wrote to it: no slot of the table
  // is known to be free, or a block's own, any more.
  bool IsDamaged() const { return is_damaged_.load(std::memory_order_relaxed); }

  std::uint64_t private_bytes() const { return index_.bytes(); }

 private:
  std::uint32_t TakeSlot(SpareSlot* spare);
  std::uint32_t TakeListedSlot();
  bool IsFree(std::uint32_t slot) const {
    return slots_[slot].address.load(std::memory_order_relaxed) == 0;
  }
  std::uint32_t FindDamage();
  void Fill(AllocationSlot* slot, const SampledBlock& block);
  bool Enter(std::uint64_t address, std::uint32_t slot);

  SegmentWriter* segment_ = nullptr;
  FreeFilter* filter_ = nullptr;
  AllocationSlot* slots_ = nullptr;
  SectionEntry* section_ = nullptr;
  std::uint64_t capacity_ = 0;
  std::atomic<bool> is_damaged_ = false;
  AddressIndex index_;
  FreeSlots free_slots_;
};

}  // namespace limpet
