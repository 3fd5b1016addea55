// Copies allocation slots that their target goes on writing. Torn ones are left out and counted.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/reader/slot_copy.h"

namespace limpet {

struct AllocationCopy {
  std::vector<AllocationRecord> records;  // of slots in use
  std::uint64_t torn_slots = 0;
  std::uint64_t last_time_ns = 0;  // of any slot: what is freed keeps its time until it is reused
};

extern const SlotRules kAllocationRules;

absl::StatusOr<AllocationCopy> CopyAllocations(const SegmentFile& file, const SectionRange& range);

}  // namespace limpet
