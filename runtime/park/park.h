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
// too). One on another stack than the thread's own, a fiber's, may have been suspended there for
// ever, or go on in another thread, and its memory may be gone: only its place is known for sure.
//
// Runs: target hot path (slow side).  Threads: the one that waits; async-signal-safe.  Allocates:
// never.
#pragma once

#include <cstdint>

#include "runtime/park/waiting_part.h"
#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"
#include "runtime/stack/stack_memory.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

// What is to be added up of a wait that is over.
struct FinishedWait {
  std::uint64_t end_ns;
  std::uint64_t duration_ns;  // without waits of handlers inside of it
  WaitReason reason;
  StackId stack;
  std::uint64_t held;  // a lock, or a futex that may be one; 0: none
};
using AddUpWait = void(const FinishedWait&);

class Park {
 public:
  // When and where a wait begins.
  struct Moment {
    std::uint64_t ns;
    StackId stack;
  };

  Park() {}  // NOLINT(cppcoreguidelines-pro-type-member-init): Start() sets what is needed
  Park(const Park&) = delete;
  Park& operator=(const Park&) = delete;

  // Not to be recorded: End() does nothing.
  void Skip() { mark_ = 0; }

  // `slot` shows the wait from now on, unless the thread's innermost wait is a composite one.
  // `epoch` is the segment's.
  //
  // The chain comes first and the slot last: a handler in between finds this wait and leaves the
  // slot as it was.
  [[gnu::always_inline]] void Start(ThreadSlot* slot, std::uint32_t epoch, const Wait& wait,
                                    const Moment& moment, const sys::CallerFrame& caller,
                                    Park** innermost) {
    Park* const outer = *innermost;
    outer_ = outer;
    slot_ = slot;
    epoch_ = epoch;
    reason_ = wait.reason;
    is_composite_ = wait.is_composite;
    since_ns_ = moment.ns;
    stack_ = moment.stack;
    nested_ns_ = 0;
    caller_stack_pointer_ = caller.stack_pointer;
    return_address_ = caller.return_address;
    // What is parked without an outer wait is left over by one that was abandoned.
    state_before_ = slot->state.load(std::memory_order_relaxed);
    if (state_before_ == ThreadState::kParked) [[unlikely]]
      state_before_ = ThreadState::kRunning;
    was_open_ = IsOpen(*slot);
    if (outer != nullptr) [[unlikely]] {
      Nest(*slot);
      slot = slot_;
    }
    mark_ = MarkOf(Place());
    std::atomic_signal_fence(std::memory_order_release);
    *innermost = this;
    std::atomic_signal_fence(std::memory_order_release);
    if (slot == nullptr) [[unlikely]]
      return;
    WaitingPartWriter writer(*slot, /*stays_open=*/false);
    writer.Write(wait, moment.ns, moment.stack, ThreadState::kParked);
  }
  bool IsStarted() const { return mark_ == MarkOf(Place()); }

  // The wait, its thread's innermost, is over. `may_write`: the slot is still the thread's.
  // `add_up` is told of it if time has passed.
  [[gnu::always_inline]] void End(std::uint64_t now_ns, bool may_write, Park** innermost,
                                  AddUpWait* add_up) {
    Finish(now_ns, may_write, add_up);
    *innermost = outer_;
    mark_ = 0;
  }

  // The wait is left, perhaps before Start() was done with the slot; End() comes next.
  void Close() const {
    if (slot_ != nullptr) CloseUnless(was_open_, *slot_);
  }

  // The wait is over, and what it nested in is not known any more.
  void EndAlone(std::uint64_t now_ns, bool may_write, AddUpWait* add_up);

  // The wait is over, but the call that waited goes on: nothing is shown or counted for it any
  // more.
  [[gnu::always_inline]] void Finish(std::uint64_t now_ns, bool may_write, AddUpWait* add_up) {
    if (slot_ != nullptr && may_write) [[likely]] {
      sys::AddOwn(slot_->park_count, 1);
      if (now_ns != since_ns_) return Pass(now_ns, add_up);  // else the coarse clock stood still
      StopShowing();
    }
    slot_ = nullptr;
  }

  std::uint32_t epoch() const { return epoch_; }
  WaitReason reason() const { return reason_; }
  // Of one that waits for a hold: what.
  void set_held(std::uint64_t object) { held_ = object; }
  std::uint64_t held() const { return held_; }
  bool IsShownIn(const ThreadSlot* slot) const { return slot_ == slot; }

  // Where a wait stands that starts: what another one's place says depends on it.
  struct Ground {
    const StackBounds& own;
    const RememberedWalk* walk;  // of its stack; nullptr: not known
    StackPage* page;             // to read other stacks through; the walk's
  };
  // False where the wait was left by a way that nobody saw, or is not on the stack of `inner`,
  // which starts. Only one that is alive may be looked at.
  bool IsAlive(const void* inner, const Ground& ground) const;
  bool IsOnOwnStack(const StackBounds& own) const { return own.Holds(Place()); }
  // A jump to `stack_pointer` leaves the wait. Asks its place alone.
  bool IsLeftBy(std::uint64_t stack_pointer, const StackBounds& own) const;

 private:
  std::uint64_t Place() const { return reinterpret_cast<std::uint64_t>(this); }
  static std::uint64_t MarkOf(std::uint64_t place) { return place ^ 0x3C96'A5E1'B27D'480FU; }
  static bool IsOnWalk(const RememberedWalk& walk, std::uint64_t stack_pointer,
                       std::uint64_t return_address);
  bool IsOnForeignStackOf(std::uint64_t inner, const Ground& ground) const;
  [[gnu::always_inline]] void StopShowing() const {
    if (outer_ == nullptr) [[likely]]
      slot_->state.store(state_before_, std::memory_order_release);
    else
      ShowAgain();
  }
  void Pass(std::uint64_t now_ns, AddUpWait* add_up);
  void Nest(const ThreadSlot& slot);
  void ShowAgain() const;
  FinishedWait Count(std::uint64_t now_ns) const;

  volatile std::uint64_t mark_;
  Park* outer_;
  ThreadSlot* slot_;  // nullptr: nests in a composite wait, or is finished
  std::uint32_t epoch_;
  WaitReason reason_;
  StackId stack_;
  ThreadState state_before_;
  bool was_open_;
  bool is_composite_;
  std::uint64_t since_ns_;
  std::uint64_t nested_ns_;  // of waits of handlers, which are counted as theirs
  std::uint64_t caller_stack_pointer_;
  std::uint64_t return_address_;
  std::uint64_t held_;  // where IsForHold(reason_); 0: not yet
  union {               // not set where there is no outer one
    WaitingPart before_;
  };
};

}  // namespace limpet
