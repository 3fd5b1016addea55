// The last walk of a thread, kept so that the next one need only walk what changed.
//
//   frames[0]            outermost (main)          next walk:  new frames ... equal frame
//   ...                                                                        |
//   frames[depth - 1]    innermost                 frames[0 .. reused)  <------+  verified by loads
//
// A caller follows from (pc, sp, rbp) of a frame and the memory it reads, so once a frame is equal
// it is enough that each outer frame's save slots still hold what they held.
//
// Runs: target hot path (slow side).  Threads: one owner.  Allocates: never; three pages a thread,
// touched as deep as its stack.
#pragma once

#include <cstdint>

#include "runtime/layout/stack_node.h"

namespace limpet {

struct WalkedFrame {
  std::uint64_t stack_pointer;
  std::uint64_t frame;          // as StackNode::frame: address, exact, module
  std::uint64_t frame_pointer;  // rbp on entry to this frame's code at that address
  std::uint64_t path_hash;      // of this frame and all outer ones; set with `node`
  StackId node;                 // set by whoever interns the walk
  std::int32_t
      rbp_offset;  // slot of the caller's rbp, from the caller's stack pointer; 0: same rbp

  // The caller does not follow from two slots alone: it must be stepped again.
  static constexpr std::int32_t kStepAgain = INT32_MIN;
  bool MustStepAgain() const { return rbp_offset == kStepAgain; }

  std::uint64_t address() const { return frame & kFrameAddressMask; }
  bool is_exact() const { return (frame & kFrameIsExact) != 0; }
};
static_assert(sizeof(WalkedFrame) == 40);

struct RememberedWalk {
  WalkedFrame frames[kMaxStackFrames];
  WalkedFrame fresh[kMaxStackFrames];  // of the walk under way, innermost first
  std::uint32_t depth;
  std::uint32_t reused;      // frames [0, reused) were taken over by the latest walk
  std::uint32_t generation;  // of the rule cache that named the modules
  bool is_truncated;
  bool
      is_unfinished;  // a walk began and its frames have no nodes yet: a handler left it by longjmp

  void Forget() { depth = reused = 0; }
};

}  // namespace limpet
