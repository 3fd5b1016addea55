// The stack of a thread that is about to wait, or to let another go on: such calls come by the same
// few places in turn, which are looked at before anything is walked.
//
//   WaitPlaces knows the place ──────────────────▶ StackId
//            not ─▶ room? guard? ─▶ walk, noted ─▶ StackId
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include "runtime/park/park.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/tracer.h"

namespace limpet::session {

// A thread waits at few places, in turn. Those of other stacks than its own are not kept, and where
// it waits already, the outer wait is to be looked for. It needs no guard: nothing is changed, nor
// by a handler that comes in between and waits, as words alone do not tell of a stack with a
// signal's frame (CountStackWords), so that its places are never kept.
//
// kNoNode: not known. `epoch`: of the segment that the wait begins in.
[[gnu::always_inline]] inline StackId KnownStackOf(const ThreadContext& thread, std::uint32_t epoch,
                                                   const sys::CallerFrame& caller) {
  const WaitPlaces::Present present = {g_tracer.rule_generation(), epoch};
  const ThreadRecord& record = *thread.record;
  bool may_be_known = thread.park == nullptr && record.own_stack.Holds(caller.stack_pointer);
  if (!may_be_known) [[unlikely]]
    return WalkedFrame::kNoNode;
  return record.places.Find(caller, record.own_stack, present);
}

// False where what a handler runs on ends soon.
[[gnu::cold, gnu::noinline]] bool HasRoomForWalk(std::uint64_t stack_pointer);

// Walks, and forgets an outer wait of the thread that was left where no hook saw it. `inner`:
// nullptr, or the one that starts.
[[gnu::noinline]] StackId StackAnew(ThreadContext& thread, std::uint32_t epoch,
                                    const sys::CallerFrame& caller, const Park* inner);

// A process of one thread has no segment before it takes a sample, and in a forked child nothing is
// set up for a wait. A vfork child enters nothing, and may have come before its parent did.
[[gnu::cold, gnu::noinline]] bool EnterUnseen(ThreadContext& thread);

// The thread has a slot in the segment that is written now.
[[gnu::always_inline]] inline bool MayShow(ThreadContext& thread) {
  if (!g_tracer.IsEntered(thread) && !EnterUnseen(thread)) [[unlikely]]
    return false;
  return thread.record != nullptr && thread.record->slot != nullptr;
}

}  // namespace limpet::session
