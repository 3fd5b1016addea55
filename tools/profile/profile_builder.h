// A snapshot becomes profiles in Go's words.
//
//   heap, allocs   blocks of malloc and its family; the same samples, another value shown first
//   mmap           anonymous memory mappings
//   goroutine      threads (thread_lister.h)
//   block, wait    where threads waited (wait_profile.h)
//   threadcreate   who made threads (creation_profile.h)
//
// Those of memory have the values alloc_objects, alloc_space, inuse_objects, inuse_space, in this
// order, as final estimates of the whole program: no reader needs to scale them. One sample for
// each distinct stack.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/profile/estimate.h"
#include "tools/profile/frame_namer.h"
#include "tools/profile/profile.h"
#include "tools/profile/thread_dump.h"
#include "tools/reader/jit_names.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

class ProfileBuilder {
 public:
  // `jit_names` may be null. All must outlive the builder, which names each frame once.
  ProfileBuilder(const SegmentSnapshot& snapshot, Symbolizer& symbolizer, const JitNames* jit_names)
      : snapshot_(snapshot), namer_(snapshot, symbolizer, jit_names) {}

  // `name`: one of KnownProfiles().
  absl::StatusOr<Profile> Build(const std::string& name, const ProfileOrigin& origin);

  // What the goroutine profile is made of.
  ThreadDump BuildThreads(const ProfileOrigin& origin);

 private:
  const SegmentSnapshot& snapshot_;
  FrameNamer namer_;
};

// block, wait and threadcreate: what threads did over time.
bool IsEventProfile(const std::string& name);

// What a profile of memory of this name is about.
EstimateKind KindOf(const std::string& name);

// The value that a profile of this name shows first.
std::string ShownFirst(const std::string& name);

// All that Build() knows.
const std::vector<std::string>& KnownProfiles();

// Those that this segment has something to say about.
std::vector<std::string> DefaultProfiles(const SegmentSnapshot& snapshot);

}  // namespace limpet
