// A snapshot becomes a list of threads, and the `goroutine` profile of them.
//
// One sample for each distinct stack, reason and state; its one value counts threads. A running
// thread's stack is not known from outside: it is listed below a marker by the stack that made it.
//
//   [stack of a running thread]  [created by]  StartPool <- main
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include "tools/profile/frame_namer.h"
#include "tools/profile/profile.h"
#include "tools/profile/thread_dump.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

inline constexpr char kGoroutineProfile[] = "goroutine";

// Labels of its samples.
inline constexpr char kReasonLabel[] = "reason";
inline constexpr char kStateLabel[] = "state";

ThreadDump ListThreads(const SegmentSnapshot& snapshot, FrameNamer& namer,
                       const ProfileOrigin& origin);

}  // namespace limpet
