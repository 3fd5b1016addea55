// Which leaf frames are the allocator's and not the program's: a profile that says "all memory is
// allocated in malloc" says nothing.
//
//   malloc <- operator new <- Cache::grow <- serve       shown from Cache::grow
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/frame_namer.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// A frame of liblimpet.so: at the leaf a hook, at the root the start of a thread. It is ours, not
// the program's, wherever it stands.
bool IsTracerFrame(const NamedFrame& frame, const SegmentSnapshot& snapshot);

// To be left out only at the leaf.
bool IsAllocatorFrame(const NamedFrame& frame);

// The same for pprof, which matches names without their arguments and hides the callees with them.
std::string AllocatorFramesPattern();

}  // namespace limpet
