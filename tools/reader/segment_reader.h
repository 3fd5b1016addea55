// Reads a segment file into a snapshot: copy, then check the copy, never the original.
//
// The order of copying is the reverse of the order in which a target publishes, so whatever an
// entry refers to is in a later copy:
//
//   allocations, mappings, threads -> sites -> stack nodes -> modules -> strings
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Unavailable: the segment is still being made. DataLoss: no segment, cut off or forged.
// Unimplemented: another version. What is damaged in single entries is left out and counted.
absl::StatusOr<SegmentSnapshot> ReadSegment(const std::string& path);
absl::StatusOr<SegmentSnapshot> ReadSegment(SegmentFile file);

// What stands in the header alone: who the process is and what it was asked for, its counters. No
// stacks, sites, blocks, threads or modules.
absl::StatusOr<SegmentSnapshot> ReadSegmentHeader(const std::string& path);

}  // namespace limpet
