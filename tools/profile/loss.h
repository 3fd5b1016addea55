// What a profile does not show, in words: every counted loss of a segment.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct Loss {
  std::string name;   // of the counter
  std::string words;  // "stacks cut, ..."
  std::uint64_t count = 0;
};

// Those that are not zero, in the order of the counters.
std::vector<Loss> ListLosses(const SegmentSnapshot& snapshot);

// Without those that are of waits alone.
std::vector<Loss> ListBlockLosses(const SegmentSnapshot& snapshot);

// Without those that are of blocks and mappings alone.
std::vector<Loss> ListThreadLosses(const SegmentSnapshot& snapshot);

// "loss: truncated_stacks 12: stacks cut, ..."
std::string LossLine(const Loss& loss);

// Value of a counter by name, 0 when this segment does not have it.
std::uint64_t CounterValue(const SegmentSnapshot& snapshot, const std::string& name);

}  // namespace limpet
