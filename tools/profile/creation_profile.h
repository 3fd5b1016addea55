// Threads by the call that made them, as Go's threadcreate profile: who makes threads, and what
// becomes of them.
//
//   threadcreate/count     live, unjoined and exited threads of a stack apart, by the label `state`
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include "tools/profile/frame_namer.h"
#include "tools/profile/profile.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

inline constexpr char kThreadCreateProfile[] = "threadcreate";

Profile BuildCreationProfile(const SegmentSnapshot& snapshot, FrameNamer& namer,
                             const ProfileOrigin& origin);

// The program has made a thread.
bool HasCreations(const SegmentSnapshot& snapshot);

}  // namespace limpet
