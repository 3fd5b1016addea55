// What a segment says of one thread of the program, with names.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "tools/reader/segment_snapshot.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

// The thread of that name; one without a name, and a failure, where there is none.
ThreadRecord ThreadNamed(const SegmentSnapshot& snapshot, const std::string& name);

// The frames of a stack, innermost function first; empty names where nothing is known.
std::vector<SourceFrame> FramesOf(const SegmentSnapshot& snapshot, std::uint32_t stack);
// Its innermost function and line.
SourceFrame LeafOf(const SegmentSnapshot& snapshot, std::uint32_t stack);

bool IsParked(const ThreadRecord& thread);

}  // namespace limpet
