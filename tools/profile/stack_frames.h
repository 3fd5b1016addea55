// The frames of a stack that are the program's: without ours, and without those at the leaf that
// are only how the program got to us.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/profile/frame_namer.h"
#include "tools/profile/location_table.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

using FrameList = std::vector<const NamedFrame*>;  // leaf first
using LocationList = std::vector<std::uint32_t>;   // indexes into Profile::locations
using LeafRule = bool (*)(const NamedFrame& frame, const SegmentSnapshot& snapshot);

// Leaves out frames of liblimpet.so wherever they stand, and at the leaf what `is_internal`. Empty
// only where the stack is: of nothing but such frames, the outermost one stays.
FrameList ProgramFrames(const StackRecord& stack, const SegmentSnapshot& snapshot,
                        FrameNamer& namer, LeafRule is_internal);

// With a marker where outer frames are missing, or all.
LocationList AddLocations(const FrameList& frames, bool is_truncated, LocationTable& table);

}  // namespace limpet
