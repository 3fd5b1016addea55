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
#include "runtime/sys/caller_frame.h"

namespace limpet {

class StackWalker {
 public:
  StackWalker(RuleCache& cache, const StackMemory& memory)
      : cache_(cache), memory_(memory), generation_(cache.generation()) {}

  // Brings `walk` up to date with the stack of `start`. Afterwards frames [0, depth) are the stack,
  // outermost first, of which the first `reused` are unchanged, their nodes included.
  void Walk(const sys::CallerFrame& start, RememberedWalk* walk);

 private:
  // One frame while it is walked: its registers, before its rule is known.
  struct Registers {
    std::uint64_t address;
    std::uint64_t stack_pointer;
    std::uint64_t frame_pointer;
    bool is_exact;

    bool operator==(const Registers&) const = default;
  };
  static Registers RegistersOf(const WalkedFrame& frame) {
    return {frame.address(), frame.stack_pointer, frame.frame_pointer, frame.is_exact()};
  }
  enum class Step : std::uint8_t { kCaller, kFirstFrame, kLost };

  Step StepOut(Registers* registers, WalkedFrame* frame);
  Step StepByTable(UnwindRule rule, Registers* registers, WalkedFrame* frame);
  Step StepRealigned(UnwindRule rule, Registers* registers);
  Step StepOutOfSignal(Registers* registers);
  Step StepByFramePointer(Registers* registers, WalkedFrame* frame);
  Step Finish(std::uint64_t cfa, std::uint64_t frame_pointer, Registers* registers);

  void WalkFresh(Registers registers, RememberedWalk* walk);
  bool Resume(const Registers& registers, RememberedWalk* walk);
  bool StillHolds(const RememberedWalk& walk, std::uint32_t inner);
  static bool HasSameWords(const WalkedFrame& frame, const WalkedFrame& caller);
  bool HasSameCaller(const WalkedFrame& frame, const WalkedFrame& caller);
  bool StepsTo(const WalkedFrame& frame, const WalkedFrame& caller);
  void Adopt(std::uint32_t kept, std::uint32_t fresh, RememberedWalk* walk);

  RuleCache& cache_;
  StackMemory memory_;
  std::uint32_t generation_;
  std::uint32_t candidate_ = 0;  // frames below it in the last walk may still match
};

}  // namespace limpet
