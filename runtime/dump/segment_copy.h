// Copies what a mapped segment has in use into a file, while other threads go on writing to it.
//
//   blocks, mappings -> sites -> threads -> stack nodes -> modules -> strings -> header
//
// The order is that of the companion's own copying: what an entry refers to is copied after it, and
// the header, which makes it a segment, last. A slot that changes is read again, and marked torn
// where that does not help. Entries that are added meanwhile are holes.
//
// Runs: target, in the process that becomes a companion: 4 KiB of stack.  Threads: any.
// Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/segment.h"

namespace limpet {

// What a copy would take.
std::uint64_t UsedBytes(const SegmentHeader& header);

// 0, or an error number, negated.
long CopySegment(const SegmentHeader& header, int file);

}  // namespace limpet
