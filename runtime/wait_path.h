// What each wait goes through, in line: once behind the door, for hooks that call libc, and once
// around the system call of those that make it themselves (preload/kernel_call.cc).
//
//   StartWait ─ known stack, clock, slot ─▶ the call ─▶ EndWait ─ clock, slot
//
// The kernel has pushed our code out of the nearest cache meanwhile, and behind it the processor
// cannot foretell where functions return to: each line of code and each call costs nanoseconds
// here.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <time.h>

#include "runtime/park/park.h"
#include "runtime/park/wait.h"
#include "runtime/sys/caller_frame.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/tracer.h"
#include "runtime/wait_stack.h"

namespace limpet::session {

// The clock that waits for `reason` are measured by.
[[gnu::always_inline]] inline clockid_t ClockOf(WaitReason reason) {
  return IsTimedFinely(reason) ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE;
}

// The process and the segment are those that the wait began in.
[[gnu::always_inline]] inline bool MayWrite(const Park& park) {
  return park.epoch() == g_tracer.tracing_epoch();
}

// Makes no call that sets errno, as those of memory (session.cc).
[[gnu::always_inline]] inline void StartWait(const Wait& wait, clockid_t which,
                                             const sys::CallerFrame& caller, Park& park) {
  park.Skip();
  ThreadContext& thread = t_thread;
  if (!MayShow(thread)) return;
  std::uint32_t epoch = thread.epoch;
  StackId stack = KnownStackOf(thread, epoch, caller);
  if (stack == WalkedFrame::kNoNode) [[unlikely]] {
    const sys::CallerFrame passed = caller;  // so that the other one need not lie in memory
    stack = StackAnew(thread, epoch, passed, &park);
  }
  sys::ClockFunction clock = g_tracer.clock();
  // A handler may have forked meanwhile, and this be its child.
  if (epoch != g_tracer.tracing_epoch()) [[unlikely]]
    return;
  park.Start(thread.record->slot, epoch, wait, {sys::ReadClockNs(clock, which), stack}, caller,
             &thread.park);
}

// To the profiles of finished waits.
[[gnu::noinline]] void AddUp(const FinishedWait& wait);

[[gnu::always_inline]] inline void EndInOrder(Park& park, ThreadContext& thread, clockid_t which) {
  sys::ClockFunction clock = g_tracer.clock();
  bool may_write = MayWrite(park);
  std::uint64_t now_ns = may_write ? sys::ReadClockNs(clock, which) : 0;
  park.End(now_ns, may_write, &thread.park, AddUp);
}

[[gnu::cold, gnu::noinline]] void EndOutOfOrder(Park& park);

// `which`: as at its start.
[[gnu::always_inline]] inline void EndWait(Park& park, clockid_t which) {
  if (!park.IsStarted()) return;
  ThreadContext& thread = ContextAfterCall();
  if (thread.park != &park) [[unlikely]]
    return EndOutOfOrder(park);
  EndInOrder(park, thread, which);
}

}  // namespace limpet::session
