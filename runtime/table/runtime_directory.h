// What a runtime directory holds, and which of it goes: layout/dead_segments.h is the rule.
//
// The names tell how many segments may be of dead processes, their times whether one may be too
// old; only then is anything opened. What somebody reads stays: readers hold a shared flock.
//
// Runs: target hot path (cold side: at the first sample, and as the segment grows).
// Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

// Bytes that all segments in `directory`, an open one of ours, take.
std::uint64_t SegmentBytesIn(int directory);

// The same, after dead ones beyond the bounds were removed, `max_removed` at most.
std::uint64_t TidySegmentsIn(int directory, std::uint64_t max_dead_segments,
                             std::uint64_t max_removed);

}  // namespace limpet
