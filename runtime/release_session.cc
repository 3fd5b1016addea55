// What the door does for those who let others go on.

#include "runtime/session.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/wait_stack.h"

namespace limpet::session {
namespace {

bool HasRoomForStack(const ThreadRecord& record, std::uint64_t stack_pointer) {
  return record.own_stack.Holds(stack_pointer) || HasRoomForWalk(stack_pointer);
}

// Makes no call that sets errno.
[[gnu::noinline]] void NoteRelease(std::uint64_t object, clockid_t which, ThreadContext& thread,
                                   const sys::CallerFrame& caller) {
  if (!HasRoomForStack(*thread.record, caller.stack_pointer)) [[unlikely]]
    return;
  std::uint32_t epoch = thread.epoch;
  StackId stack = KnownStackOf(thread, epoch, caller);
  if (stack == WalkedFrame::kNoNode) [[unlikely]]
    stack = StackAnew(thread, epoch, caller, nullptr);
  sys::ClockFunction clock = g_tracer.clock();
  // A handler may have forked meanwhile, and this be its child.
  if (epoch != g_tracer.tracing_epoch()) [[unlikely]]
    return;
  g_tracer.releases.Note(object, {.time_ns = sys::ReadClockNs(clock, which),
                                  .stack = stack,
                                  .thread_number = thread.record->identity.number});
}

}  // namespace

std::uint32_t OwnThreadId() { return MayShow(t_thread) ? t_thread.thread_id : 0; }

void OnHoldEnd(std::uint64_t object, const sys::CallerFrame& caller) {
  ThreadContext& thread = t_thread;
  if (MayShow(thread)) NoteRelease(object, CLOCK_MONOTONIC, thread, caller);
}

[[gnu::hot]] void OnSignal(std::uint64_t object, const sys::CallerFrame& caller) {
  ThreadContext& thread = t_thread;
  if (!MayShow(thread)) return;
  std::uint64_t tick_ns = sys::ReadClockNs(g_tracer.clock(), CLOCK_MONOTONIC_COARSE);
  if (thread.record->signals.IsFirst({object, tick_ns, thread.epoch}, caller))
    NoteRelease(object, CLOCK_MONOTONIC_COARSE, thread, caller);
}

}  // namespace limpet::session
