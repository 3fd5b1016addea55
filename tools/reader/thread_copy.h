// Copies thread slots that their target goes on writing: what a thread waits in, for what, since
// when and where is read as one, or not at all. A torn one is a thread that runs.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/layout/counters.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/reader/slot_copy.h"

namespace limpet {

struct ThreadCopy {
  std::vector<ThreadRecord> records;  // of slots in use
  std::uint64_t torn_slots = 0;
  std::uint64_t invalid_slots = 0;
};

extern const SlotRules kThreadRules;

// Adds to `work` what all slots count, also the free ones.
absl::StatusOr<ThreadCopy> CopyThreads(const SegmentFile& file, const SectionRange& range,
                                       WorkCounters& work);

}  // namespace limpet
