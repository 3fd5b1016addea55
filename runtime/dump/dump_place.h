// Whether dumps can be written, by whoever asks: the process gave up the user that they were
// planned for.
//
// Runs: target, in the process that becomes a companion.  Threads: any.  Allocates: never.
#pragma once

#include "runtime/layout/segment.h"

namespace limpet {

// False: the place is there, but not for our rights, or may not be made. What cannot be told is
// left to the companion to find out.
bool MayWriteDumps(const SegmentHeader& header);

}  // namespace limpet
