// The anonymous mappings of the program that are not unmapped yet: a profile of their own, off by
// default.
//
// Unlike blocks, mappings are unmapped in parts: a range that is removed takes away, shortens or
// splits what it overlaps. There are few of them, so ranges are searched for, not hashed.
//
// Runs: target hot path (slow side, only with LIMPET_MMAP).  Threads: any; a slot that another
// thread is changing is waited for a bounded time, then counted as lost.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"
#include "runtime/table/allocation_table.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

class MappingTable {
 public:
  void Attach(SegmentWriter* segment);

  void Insert(const SampledBlock& mapping);
  bool Holds(std::uint64_t address) const;
  void RemoveRange(std::uint64_t address, std::uint64_t bytes);

 private:
  AllocationSlot* TakeSlot();
  void Cut(AllocationSlot* slot, std::uint64_t address, std::uint64_t end);
  static SampledBlock Part(const AllocationSlot& slot, std::uint64_t address, std::uint64_t end);

  SegmentWriter* segment_ = nullptr;
  AllocationSlot* slots_ = nullptr;
  SectionEntry* section_ = nullptr;
};

}  // namespace limpet
