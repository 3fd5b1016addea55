// Where threads waited, and how long: Go's block profile, and a second one of all waits; and who
// made them wait, its mutex profile.
//
//   block   waits for other threads: locks, conditions, semaphores, joins
//   wait    those for data, files, time and processes too
//   mutex   waits for locks, at the stacks that let go of them: each wait in parts, to all that had
//           the lock meanwhile
//
// A sample for each stack and `reason`, with contentions/count and delay/nanoseconds. Waits that
// have not ended yet are in the first two, as long as they are by now: of a hang they are all there
// is.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/frame_namer.h"
#include "tools/profile/profile.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

inline constexpr char kBlockProfile[] = "block";
inline constexpr char kWaitProfile[] = "wait";
inline constexpr char kMutexProfile[] = "mutex";

// `name`: one of the three.
Profile BuildWaitProfile(const std::string& name, const SegmentSnapshot& snapshot,
                         FrameNamer& namer, const ProfileOrigin& origin);

// The segment has something to say about it.
bool HasWaits(const std::string& name, const SegmentSnapshot& snapshot);

}  // namespace limpet
