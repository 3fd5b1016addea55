// What the door does for those who let others go on.

#include "runtime/session.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/wait_stack.h"

namespace limpet::session {

std::uint32_t OwnThreadId() { return MayShow(t_thread) ? t_thread.thread_id : 0; }

// Makes no call that sets errno.
void OnRelease(Released kind, std::uint64_t object, const sys::CallerFrame& caller) {
  if (kind == Released::kHold && !g_tracer.hold_waiters.AreThereFor(object)) return;
  ThreadContext& thread = t_thread;
  if (!MayShow(thread)) return;
  if (!thread.record->own_stack.Holds(caller.stack_pointer) &&
      !HasRoomForWalk(caller.stack_pointer)) [[unlikely]]
    return;
  std::uint32_t epoch = thread.epoch;
  StackId stack = KnownStackOf(thread, epoch, caller);
  if (stack == WalkedFrame::kNoNode) [[unlikely]]
    stack = StackAnew(thread, epoch, caller, nullptr);
  sys::ClockFunction clock = g_tracer.clock();
  // A handler may have forked meanwhile, and this be its child.
  if (epoch != g_tracer.tracing_epoch()) [[unlikely]]
    return;
  clockid_t which = kind == Released::kHold ? CLOCK_MONOTONIC : CLOCK_MONOTONIC_COARSE;
  g_tracer.releases.Note(object, {.time_ns = sys::ReadClockNs(clock, which),
                                  .stack = stack,
                                  .thread_number = thread.record->identity.number});
}

}  // namespace limpet::session
