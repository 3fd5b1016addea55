// Bytes in use of a segment, without the rest of it: what a companion that watches asks each
// second.
//
//   in use = sum over live slots of requested bytes * weight
//
// Reads the slots in pieces, once; a slot that is just being written is left out, and the next time
// it is there.
//
// Runs: companion.  Threads: any.  Allocates: yes, a piece.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "runtime/layout/segment.h"
#include "tools/reader/segment_file.h"

namespace limpet {

// `header` is one that ReadHeader accepted.
absl::StatusOr<std::uint64_t> ReadInUseBytes(const SegmentFile& file, const SegmentHeader& header);

}  // namespace limpet
