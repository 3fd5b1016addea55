// When a process was last seen alive, as its segment tells: the best that is known of its death.
//
// Runs: companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstdint>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

std::uint64_t LastSeenUnixNs(const SegmentSnapshot& snapshot);

// CLOCK_MONOTONIC of the last that its segment tells of it: a sample, a thread or a wait that
// began.
std::uint64_t LastEventNs(const SegmentSnapshot& snapshot);

}  // namespace limpet
