// Copies allocation slots that their target goes on writing.
//
//   first copy, second copy:   equal and generation even -> kept
//                              otherwise                 -> read again alone, a few times
//                              never twice the same      -> torn: left out and counted
//
// A killed writer leaves its slot odd for ever, so the number of tries is bounded.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct AllocationCopy {
  std::vector<AllocationRecord> records;  // of slots in use
  std::uint64_t torn_slots = 0;
  std::uint64_t last_time_ns = 0;  // of any slot: what is freed keeps its time until it is reused
};

// Slots as they lie in the file, in parts of at most `part_entries`; a torn one has an odd
// generation. Two copies of a part are in memory at a time.
using PartVisitor = std::function<absl::Status(const SectionCopy& part)>;
absl::Status VisitAllocations(const SegmentFile& file, const SectionRange& range,
                              std::uint64_t part_entries, const PartVisitor& visit);

absl::StatusOr<AllocationCopy> CopyAllocations(const SegmentFile& file, const SectionRange& range);

}  // namespace limpet
