// Stacks as a walk would leave them, and what the tree made of them.
//
// Runs: tests.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/stack/remembered_walk.h"
#include "runtime/table/stack_tree.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet::test {

using Frames = std::vector<std::uint64_t>;  // outermost first

inline RememberedWalk WalkOf(const Frames& frames, bool is_truncated = false) {
  RememberedWalk walk = {};
  std::uint64_t path = RootPathHash(is_truncated);
  for (std::uint64_t frame : frames) {
    path = PathHash(frame, path);
    WalkedFrame& walked = walk.frames[walk.depth++];
    walked.frame = frame;
    walked.path_hash = path;
  }
  walk.is_truncated = is_truncated;
  return walk;
}

// A tree in a segment of its own.
struct Forest {
  explicit Forest(std::uint64_t bytes) : segment(MakeSegment(bytes)) {
    if (!tree.Attach(segment.get())) abort();
  }

  StackId Intern(const Frames& frames, bool is_truncated = false) {
    RememberedWalk walk = WalkOf(frames, is_truncated);
    return tree.Intern(&walk).id;
  }
  // As a sample does: its site is made as well.
  SiteSlot* Site(const Frames& frames, SiteKind kind = SiteKind::kHeap) {
    RememberedWalk walk = WalkOf(frames);
    return tree.SiteOf(tree.Intern(&walk), kind);
  }

  // What a reader finds behind an id.
  Frames PathOf(StackId stack) const {
    const auto* nodes = segment->Entries<StackNode>(SectionKind::kStackNodes);
    Frames frames;
    while (static_cast<std::uint32_t>(stack) >= kRootNodes && frames.size() <= kMaxStackFrames) {
      const StackNode& node = nodes[static_cast<std::uint32_t>(stack)];
      frames.insert(frames.begin(), node.frame);
      stack = node.parent;
    }
    return frames;
  }
  StackId RootOf(StackId stack) const {
    const auto* nodes = segment->Entries<StackNode>(SectionKind::kStackNodes);
    while (static_cast<std::uint32_t>(stack) >= kRootNodes) {
      stack = nodes[static_cast<std::uint32_t>(stack)].parent;
    }
    return stack;
  }

  std::uint64_t Nodes() const { return Used(*segment, SectionKind::kStackNodes); }
  std::uint64_t Dropped() const { return segment->counters().dropped_stacks_full.load(); }

  std::unique_ptr<SegmentWriter> segment;
  StackTree tree;
};

}  // namespace limpet::test
