// The last walk of a thread, kept so that the next one need only walk what changed.
//
//   frames[0]            outermost (main)          next walk:  new frames ... equal frame
//   ...                                                                        |
//   frames[depth - 1]    innermost                 frames[0 .. reused)  <------+  verified by loads
//
// A caller follows from (pc, sp, rbp) of a frame and the memory it reads, so once a frame is equal
// it is enough that each outer frame's save slots still hold what they held. Most code keeps no
// frame pointer: there rbp is one more register that callers compute with, and neither its slots
// nor its value matter. A frame needs rbp if its own rule does, or if it hands rbp on to a caller
// that does.
//
// Runs: target hot path (slow side).  Threads: one owner.  Allocates: never; three pages a thread,
// touched as deep as its stack.
#pragma once

#include <cstdint>

#include "runtime/layout/stack_node.h"

namespace limpet {

// Each frame is mixed by itself, which overlaps; only one multiplication a frame waits for the one
// before. Every bit of a frame and of the path must reach the upper half: a function that is called
// from a thousand places is a thousand paths that end in one frame.
constexpr std::uint64_t PathHash(std::uint64_t frame, std::uint64_t outer_path) {
  std::uint64_t mixed = frame * 0xD6E8FEB86659FD93U;
  mixed ^= mixed >> 32;
  return (outer_path ^ mixed) * 0x9E3779B97F4A7C15U;
}
constexpr std::uint64_t RootPathHash(bool is_truncated) { return is_truncated ? 1 : 0; }

struct WalkedFrame {
  std::uint64_t stack_pointer;
  std::uint64_t frame;          // as StackNode::frame: address, exact, module
  std::uint64_t frame_pointer;  // rbp on entry to this frame's code, where it is needed
  std::uint64_t path_hash;      // of this frame and all outer ones
  StackId node;                 // kept here by whoever interns the walk; kNoNode: not known
  std::int32_t rbp_offset;      // slot of the caller's rbp, from the caller's stack pointer; 0: the
                                // same rbp, or nothing outwards needs it
  bool needs_rbp;               // the way outwards from here depends on rbp

  static constexpr StackId kNoNode = StackId::kComplete;  // a root, never a frame's
  // The caller does not follow from two slots alone: it must be stepped again.
  static constexpr std::int32_t kStepAgain = INT32_MIN;
  bool MustStepAgain() const { return rbp_offset == kStepAgain; }

  std::uint64_t code() const { return frame & kFrameCodeMask; }
  std::uint64_t address() const { return frame & kFrameAddressMask; }
};
static_assert(sizeof(WalkedFrame) == 48);

// A word of the stack as a walk found it.
struct StackWord {
  std::uint64_t slot;
  std::uint64_t value;
};

struct RememberedWalk {
  static constexpr std::uint32_t kMaxWords = 64;
  static constexpr std::uint32_t kWordsAtOnce = 4;

  WalkedFrame frames[kMaxStackFrames];
  WalkedFrame fresh[kMaxStackFrames];  // of the walk under way, innermost first
  // All that tells whether the walk still holds, side by side for a thread that comes by the same
  // place again and again; gathered at its first repetition.
  StackWord words[kMaxWords];
  std::uint32_t word_count;  // a multiple of kWordsAtOnce; 0: not gathered, or too many
  std::uint32_t depth;
  std::uint32_t reused;      // frames [0, reused) were taken over by the latest walk
  std::uint32_t generation;  // of the rule cache that named the modules
  bool is_truncated;
  bool is_unfinished;  // frames are being moved: a handler that left it by longjmp broke it

  void Forget() { depth = reused = word_count = 0; }
};

}  // namespace limpet
