// The stacks of threads, and what those of waits say by their frames.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/profile/frame_namer.h"
#include "tools/profile/library_frames.h"
#include "tools/profile/stack_frames.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

class WaitStacks {
 public:
  // Both must outlive this.
  WaitStacks(const SegmentSnapshot& snapshot, FrameNamer& namer)
      : snapshot_(snapshot), namer_(namer) {}

  // nullptr: not known.
  const StackRecord* Find(std::uint32_t id) const;

  // All but ours.
  FrameList FramesOf(const StackRecord& stack);
  // Without libc's at the leaf, which is how the program got to where it waits. A stack of libc
  // alone is one of libc's own threads, and stays.
  FrameList WaitFramesOf(const StackRecord& stack);

  // What ReasonByFrames() says of them, and LockByFrames() of those that let go.
  std::string_view ReasonOf(const FrameList& frames) { return ReasonByFrames(NamesOf(frames)); }
  std::string_view LockOf(const FrameList& frames) { return LockByFrames(NamesOf(frames)); }

 private:
  std::vector<std::string_view> NamesOf(const FrameList& frames);
  std::string_view Simple(const NamedFrame& frame, const NamedSource& source);

  const SegmentSnapshot& snapshot_;
  FrameNamer& namer_;
  std::map<std::string_view, std::string> simple_names_;
};

}  // namespace limpet
