// One wait that is under way, on the stack of the hook that waits. Those of a thread are a chain.
//
//   poll ............ Park {reason, slot, since}  <- outer - Park of a read in a signal handler
//                                                            {before: poll's part of the slot}
//
// A thread's slot shows the innermost wait, but for one that is made of others (getaddrinfo), which
// keeps its name. When a wait ends, the slot shows again what it did before.
//
// A wait that longjmp or an exception leaves is ended by whoever sees that; until then its mark
// stays on the stack, and the chain is distrusted where the mark is gone (ReentryGuard does so
// too).
//
// Runs: target hot path (slow side).  Threads: the one that waits; async-signal-safe.  Allocates:
// never.
#pragma once

#include <cstdint>

#include "runtime/park/waiting_part.h"
#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

class Park {
 public:
  Park() {}  // NOLINT(cppcoreguidelines-pro-type-member-init): Start() sets what is needed
  Park(const Park&) = delete;
  Park& operator=(const Park&) = delete;

  // Not to be recorded: End() does nothing.
  void Skip() { mark_ = 0; }

  // `slot` shows `part` from now on, unless `outer`, the thread's innermost wait, is a composite
  // one. `innermost` is that of the thread, `epoch` the segment's.
  void Start(ThreadSlot* slot, std::uint32_t epoch, const WaitingPart& part,
             const sys::CallerFrame& caller, Park** innermost);
  bool IsStarted() const { return mark_ == MarkOf(Place()); }

  // The wait is over. `may_write`: the slot is still the thread's.
  void End(std::uint64_t now_ns, bool may_write, Park** innermost);

  // The wait is over, but the call that waited goes on: nothing is shown or counted for it any
  // more.
  void Finish(std::uint64_t now_ns, bool may_write);

  std::uint32_t epoch() const { return epoch_; }

  // False where the wait was left by a way that nobody saw. `inner` is the place of one that
  // starts, with its stack where that is known.
  bool IsAlive(const void* inner, const StackBounds& own, const RememberedWalk* walk) const;
  // A jump to `stack_pointer` leaves the wait.
  bool IsLeftBy(std::uint64_t stack_pointer, const StackBounds& own) const;

 private:
  std::uint64_t Place() const { return reinterpret_cast<std::uint64_t>(this); }
  static std::uint64_t MarkOf(std::uint64_t place) { return place ^ 0x3C96'A5E1'B27D'480FU; }
  bool IsOnWalk(const RememberedWalk& walk) const;
  void ShowAgain(ThreadSlot& slot) const;
  void Count(ThreadSlot& slot, std::uint64_t elapsed_ns) const;

  volatile std::uint64_t mark_;
  Park* outer_;
  ThreadSlot* slot_;  // nullptr: nests in a composite wait, or is finished
  std::uint32_t epoch_;
  WaitReason reason_;
  ThreadState state_before_;
  bool was_open_;
  bool is_composite_;
  std::uint64_t since_ns_;
  std::uint64_t nested_ns_;  // of waits of handlers, which are counted as theirs
  std::uint64_t caller_stack_pointer_;
  std::uint64_t return_address_;
  WaitingPart before_;  // where there is an outer one
};

}  // namespace limpet
