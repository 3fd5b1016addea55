// Captures the calling thread's stack by unwind tables, without locks, libraries or guesses.
//
//   walk:    rule = cache(pc);  CFA from sp or rbp;  pc' = [CFA - 8];  sp' = CFA;  rbp' = [slot]
//   resume:  a frame equal to one of the last walk -> only check that walk's outer slots
//
// Every load is checked by StackMemory first. A walk ends at the thread's first frame (complete),
// or is marked truncated: too deep, no rule, or a step that leaves the bounds.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/rule_cache.h"
#include "runtime/stack/stack_memory.h"
#include "runtime/stack/stack_words.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

class StackWalker {
 public:
  StackWalker(RuleCache& cache, const StackMemory& memory)
      : cache_(cache), memory_(memory), generation_(cache.generation()) {}

  // True when the stack of `start` is the one of `walk`, which is all that repeated calls from one
  // place take. False: Walk has to look.
  static bool IsUnchanged(const sys::CallerFrame& start, const StackBounds& own,
                          RememberedWalk* walk);

  // Brings `walk` up to date with the stack of `start`, whose address may be exact (kFrameIsExact).
  // Afterwards frames [0, depth) are the stack, outermost first, of which the first `reused` are
  // unchanged, their nodes included; the others have their hashes and no nodes.
  void Walk(const sys::CallerFrame& start, RememberedWalk* walk);

 private:
  // One frame while it is walked: its registers, before its rule is known.
  struct Registers {
    std::uint64_t code;  // as in RuleCache::Find
    std::uint64_t stack_pointer;
    std::uint64_t frame_pointer;
  };
  static Registers RegistersOf(const WalkedFrame& frame) {
    return {frame.code(), frame.stack_pointer, frame.frame_pointer};
  }
  static Registers RegistersOf(const sys::CallerFrame& start) {
    return {start.return_address & kFrameCodeMask, start.stack_pointer, start.frame_pointer};
  }
  static bool IsAt(const WalkedFrame& frame, const Registers& registers) {
    return frame.stack_pointer == registers.stack_pointer && frame.code() == registers.code &&
           (!frame.needs_rbp || frame.frame_pointer == registers.frame_pointer);
  }
  enum class Way : std::uint8_t { kCaller, kFirstFrame, kLost };
  struct Step {
    Way way;
    Registers caller;  // with kCaller
  };

  UnwindRule Describe(const Registers& registers, WalkedFrame* frame);
  bool StepPlain(UnwindRule rule, Registers* registers, WalkedFrame* frame) const;
  [[gnu::noinline]] Step StepOut(UnwindRule rule, const Registers& registers, WalkedFrame* frame);
  Step StepByTable(UnwindRule rule, const Registers& registers, WalkedFrame* frame) const;
  Step StepRealigned(UnwindRule rule, const Registers& registers) const;
  Step StepOutOfSignal(const Registers& registers);
  Step StepByFramePointer(const Registers& registers, WalkedFrame* frame) const;
  Step StepInGo(const Registers& registers, WalkedFrame* frame);
  Step Finish(std::uint64_t cfa, std::uint64_t frame_pointer, const Registers& registers) const;

  void WalkFresh(Registers registers, RememberedWalk* walk);
  bool Resume(const Registers& registers, const RememberedWalk& walk, std::uint32_t* candidates);
  std::uint32_t ChangedFrame(const RememberedWalk& walk, std::uint32_t inner);
  [[gnu::noinline]] std::uint32_t ChangedFrameFrom(const RememberedWalk& walk, std::uint32_t inner);
  static bool IsRepeated(RememberedWalk* walk);
  static const WalkedFrame* FirstChange(const WalkedFrame* frame, const WalkedFrame* outermost);
  static bool HasSameWords(const WalkedFrame& frame, const WalkedFrame& caller);
  bool HasSameCaller(const WalkedFrame& frame, const WalkedFrame& caller);
  bool StepsTo(const WalkedFrame& frame, const WalkedFrame& caller);

  RuleCache& cache_;
  StackMemory memory_;
  std::uint32_t generation_;
};

// Here, because a thread that waits or allocates at the same place again takes no more than this.
inline bool StackWalker::IsUnchanged(const sys::CallerFrame& start, const StackBounds& own,
                                     RememberedWalk* walk) {
  if (walk->depth == 0 || walk->is_truncated) return false;
  const WalkedFrame& inner = walk->frames[walk->depth - 1];
  bool may_look = IsAt(inner, RegistersOf(start)) && own.Holds(start.stack_pointer) &&
                  walk->frames[0].stack_pointer <= own.high;
  if (!may_look) return false;
  return walk->word_count != 0 ? AreSameWords(walk->words, walk->word_count) : IsRepeated(walk);
}

inline const WalkedFrame* StackWalker::FirstChange(const WalkedFrame* frame,
                                                   const WalkedFrame* outermost) {
  while (frame != outermost && HasSameWords(*frame, frame[-1])) --frame;
  return frame;
}

// Both words lie between the frame's stack pointer, which this walk has reached, and its caller's.
// Not so behind a signal's frame, whose caller may be on another stack: nothing is read there.
inline bool StackWalker::HasSameWords(const WalkedFrame& frame, const WalkedFrame& caller) {
  std::uint64_t cfa = caller.stack_pointer;
  if (frame.rbp_offset == 0) [[likely]]
    return StackMemory::Word(cfa - StackMemory::kWordBytes) == caller.address();
  if (frame.MustStepAgain()) return false;
  std::uint64_t rbp_slot = cfa + static_cast<std::uint64_t>(std::int64_t{frame.rbp_offset});
  return StackMemory::Word(cfa - StackMemory::kWordBytes) == caller.address() &&
         StackMemory::Word(rbp_slot) == caller.frame_pointer;
}

}  // namespace limpet
