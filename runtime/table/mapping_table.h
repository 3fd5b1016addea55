// The anonymous mappings of the program that are not unmapped yet: a profile of their own, off by
// default.
//
// Unlike blocks, mappings are unmapped in parts: a range that is removed takes away, shortens or
// splits what it overlaps. There are few of them, so ranges are searched for, not hashed. What is
// left on both sides of a split is two mappings, as in /proc/PID/maps, and each keeps the weight,
// which bytes are multiplied by.
//
// Unmapping: what a range held is forgotten after the real call, when it is known to have worked,
// and only what was recorded before it. For another thread may be given the addresses as soon as
// the kernel has them back, and may have recorded its mapping by then:
//
//   moment = Now() ; munmap ; it worked: RemoveRange(range, moment)
//
// Forgetting first and undoing it on failure would do as well, but would have to put split mappings
// together again.
//
// Runs: target hot path (slow side, only with LIMPET_MMAP).  Threads: any; async-signal-safe; a
// slot that another thread is cutting is left to it.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/table/address_range.h"
#include "runtime/table/postponed_removals.h"
#include "runtime/table/sampled_block.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

class MappingTable {
 public:
  void Attach(SegmentWriter* segment);

  // The time, but later than what any thread was told before.
  std::uint64_t Now();

  // `mapping.time_ns` is the Now() after the real call. What was recorded of its addresses earlier
  // was unmapped by a way that no hook sees, or by a thread that is about to remove it.
  void Insert(const SampledBlock& mapping);

  bool HoldsAnyOf(const AddressRange& range) const;

  // Forgets what was recorded of the range before `moment`.
  void RemoveRange(const AddressRange& range, std::uint64_t moment);
  // The same, but only mappings whose part of the range is not mapped any more.
  void RemoveUnmapped(const AddressRange& range, std::uint64_t moment);

 private:
  std::uint64_t Used() const;
  void Put(const SampledBlock& mapping, std::uint64_t first_slot);
  AllocationSlot* TakeSlot(std::uint64_t first_slot);
  void Sweep(const Removal& removal);
  bool CutSlot(std::uint64_t number, const Removal& removal);
  bool TryCut(std::uint64_t number, const Removal& removal);
  void Cut(std::uint64_t number, const AddressRange& range);
  void Settle();

  SegmentWriter* segment_ = nullptr;
  AllocationSlot* slots_ = nullptr;
  SectionEntry* section_ = nullptr;
  std::uint64_t capacity_ = 0;  // our own copy, nobody else can write to it
  PostponedRemovals postponed_;
  std::atomic<std::uint32_t> next_settled_ = 0;  // place where the next Settle() begins
  std::atomic<std::uint64_t> last_moment_ = 0;
};

}  // namespace limpet
