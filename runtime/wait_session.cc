// What the door does for waits.

#include <string.h>

#include "runtime/session.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/readable_memory.h"
#include "runtime/sys/sandbox.h"
#include "runtime/sys/signal_stack.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

// One that longjmp left where no hook saw it, or that is on another fiber, is no outer wait of one
// that starts now. It alone knew what is outside of it, and later calls overwrite it, often this
// very one: so all are forgotten. Those that are alive end out of order, and until then are not
// shown.
[[gnu::cold, gnu::noinline]] void ForgetAbandoned(ThreadContext& thread, const Park& inner,
                                                  bool has_walk) {
  ThreadRecord& record = *thread.record;
  const RememberedWalk* walk = has_walk ? &record.walk : nullptr;
  if (!thread.park->IsAlive(&inner, {record.own_stack, walk, &record.foreign_page}))
    thread.park = nullptr;
}

// Handlers run on stacks as small as the signal's frame and a little more, where a walk may take
// what is left (tests/preload/programs/signal_stacks.cc). A filter of system calls may not know the
// question.
[[gnu::cold, gnu::noinline]] bool HasRoomForWalk(std::uint64_t stack_pointer) {
  constexpr std::uint64_t kWalkBytes = 4096;
  return sys::IsSandboxed() || !sys::IsNearEndOfSignalStack(stack_pointer, kWalkBytes);
}

// A wait in a handler that interrupted a sample: the remembered walk is being changed. Or one that
// has no room to walk.
[[gnu::cold, gnu::noinline]] StackId UnknownStack() {
  g_tracer.segment.counters().truncated_stacks.fetch_add(1, std::memory_order_relaxed);
  return StackId::kTruncated;
}

// The walk that was just taken, if all of it is known and of the thread's own stack, whose words
// tell whether it is still the same.
bool IsToBeNoted(const ThreadRecord& record, const sys::CallerFrame& caller) {
  const RememberedWalk& walk = record.walk;
  return walk.depth > 1 && !walk.is_truncated && record.own_stack.Holds(caller.stack_pointer) &&
         walk.frames[0].stack_pointer <= record.own_stack.high;
}

// `epoch`: of the segment that the wait began in. What is inside of another wait is not kept. Out
// of line: a kilobyte of stack, which a handler may not have.
[[gnu::noinline]] StackId WalkedStackOf(ThreadContext& thread, std::uint32_t epoch,
                                        const sys::CallerFrame& caller) {
  StackId stack = g_tracer.Capture(thread, caller).id;
  ThreadRecord& record = *thread.record;
  bool is_kept = thread.park == nullptr && static_cast<std::uint32_t>(stack) >= kRootNodes;
  if (is_kept && IsToBeNoted(record, caller)) record.places.Note(caller, record.walk, stack, epoch);
  return stack;
}

// A thread waits at few places, in turn. Those of other stacks than its own are not kept, and where
// it waits already, the outer wait is to be looked for. It needs no guard: nothing is changed, nor
// by a handler that comes in between and waits, as words alone do not tell of a stack with a
// signal's frame (CountStackWords), so that its places are never kept.
[[gnu::always_inline]] inline StackId KnownStackOf(const ThreadContext& thread, std::uint32_t epoch,
                                                   const sys::CallerFrame& caller) {
  const ThreadRecord& record = *thread.record;
  bool may_be_known = thread.park == nullptr && record.own_stack.Holds(caller.stack_pointer);
  if (!may_be_known) [[unlikely]]
    return WalkedFrame::kNoNode;
  return record.places.Find(caller, record.own_stack, {g_tracer.rule_generation(), epoch});
}

// An outer wait is looked for on the walk, which then must be of this very stack.
[[gnu::noinline]] StackId StackAnew(ThreadContext& thread, std::uint32_t epoch,
                                    const sys::CallerFrame& caller, const Park& park) {
  ReentryGuard guard(thread);
  bool has_walk = guard.IsOutermost();
  if (!thread.record->own_stack.Holds(caller.stack_pointer))
    has_walk = has_walk && HasRoomForWalk(caller.stack_pointer);
  StackId stack = has_walk ? WalkedStackOf(thread, epoch, caller) : UnknownStack();
  if (thread.park != nullptr) ForgetAbandoned(thread, park, has_walk);
  return stack;
}

// The process and the segment are those that the wait began in.
[[gnu::always_inline]] inline bool MayWrite(const Park& park) {
  return park.epoch() == g_tracer.tracing_epoch();
}

// A process of one thread has no segment before it takes a sample, and in a forked child nothing is
// set up for a wait. A vfork child enters nothing, and may have come before its parent did.
[[gnu::cold, gnu::noinline]] bool EnterUnseen(ThreadContext& thread) {
  return g_tracer.IsRecording() && g_tracer.IsTracing(thread, /*creates=*/false) &&
         g_tracer.IsEntered(thread);
}

[[gnu::always_inline]] inline bool MayShow(ThreadContext& thread) {
  if (!g_tracer.IsEntered(thread) && !EnterUnseen(thread)) [[unlikely]]
    return false;
  return thread.record != nullptr && thread.record->slot != nullptr;
}

// Left by a jump or by unwinding, at any instruction.
void EndLeft(Park& park) {
  if (!park.IsStarted()) return;
  if (MayWrite(park)) park.Close();
  OnWaitEnd(park);
}

[[gnu::always_inline]] inline std::uint64_t CoarseNs(sys::ClockFunction clock) {
  return sys::ReadClockNs(clock, CLOCK_MONOTONIC_COARSE);
}

[[gnu::always_inline]] inline void EndInOrder(Park& park) {
  sys::ClockFunction clock = g_tracer.clock();
  bool may_write = MayWrite(park);
  park.End(may_write ? CoarseNs(clock) : 0, may_write, &t_thread.park);
}

// Waits that began after it were left where nobody saw it. Or it is on a fiber, which was suspended
// meanwhile and may go on in another thread: then it knows nothing of this thread's chain.
[[gnu::cold, gnu::noinline]] void EndOutOfOrder(Park& park) {
  const ThreadRecord* record = t_thread.record;
  if (record != nullptr && park.IsOnOwnStack(record->own_stack)) return EndInOrder(park);
  bool is_shown_here = record != nullptr && record->slot != nullptr && park.IsShownIn(record->slot);
  if (is_shown_here) t_thread.park = nullptr;
  park.EndAlone(sys::CoarseMonotonicNs(), is_shown_here && MayWrite(park));
}

// What is on another stack may be gone, and with it the way to the waits outside of it.
[[gnu::cold, gnu::noinline]] void ForgetUnread(ThreadContext& thread) {
  thread.park = nullptr;
  ThreadSlot* slot = thread.record->slot;
  if (!g_tracer.IsEntered(thread) || slot == nullptr) return;
  CloseUnless(/*was_open=*/false, *slot);
  if (slot->state.load(std::memory_order_relaxed) == ThreadState::kParked)
    slot->state.store(ThreadState::kRunning, std::memory_order_release);
}

// What the thread's callers have on its own stack, nearly all of what is passed. Below this frame
// the stack may not be mapped.
bool IsOnLiveStack(const void* from, std::size_t bytes) {
  const ThreadRecord* record = t_thread.record;
  if (record == nullptr) return false;
  auto address = reinterpret_cast<std::uint64_t>(from);
  auto frame = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  const StackBounds live = {frame, record->own_stack.high};
  return record->own_stack.Holds(frame) && live.Holds(address) && live.high - address >= bytes;
}

}  // namespace

// Makes no call that sets errno, as those of memory (session.cc).
[[gnu::hot, gnu::aligned(64)]] void OnWaitStart(const Wait& wait, const sys::CallerFrame& caller,
                                                Park& park) {
  park.Skip();
  ThreadContext& thread = t_thread;
  if (!MayShow(thread)) return;
  std::uint32_t epoch = thread.epoch;
  StackId stack = KnownStackOf(thread, epoch, caller);
  if (stack == WalkedFrame::kNoNode) [[unlikely]]
    stack = StackAnew(thread, epoch, caller, park);
  sys::ClockFunction clock = g_tracer.clock();
  // A handler may have forked meanwhile, and this be its child.
  if (epoch != g_tracer.tracing_epoch()) [[unlikely]]
    return;
  park.Start(thread.record->slot, epoch, wait, {CoarseNs(clock), stack}, caller, &thread.park);
}

// The kernel has pushed our code out of the nearest cache: all of it lies on four lines of one
// page.
[[gnu::hot, gnu::aligned(256)]] void OnWaitEnd(Park& park) {
  if (!park.IsStarted()) return;
  if (t_thread.park != &park) [[unlikely]]
    return EndOutOfOrder(park);
  EndInOrder(park);
}

void OnWaitOver(Park& park) {
  if (park.IsStarted()) park.Finish(sys::CoarseMonotonicNs(), MayWrite(park));
}

// In a sandbox the kernel is not asked, and what lies elsewhere stays unknown.
bool ReadPassed(const void* from, void* to, std::size_t bytes) {
  if (!g_tracer.IsRecording()) return false;
  bool is_there =
      IsOnLiveStack(from, bytes) || (!sys::IsSandboxed() && sys::IsReadable(from, bytes));
  if (is_there) memcpy(to, from, bytes);
  return is_there;
}

// The frame that is unwound is on this stack. Where that is a fiber's, the innermost wait may be
// another's.
void OnWaitUnwound() {
  ThreadContext& thread = t_thread;
  if (thread.park == nullptr || thread.record == nullptr) return;
  if (thread.park->IsOnOwnStack(thread.record->own_stack)) return EndLeft(*thread.park);
  ForgetUnread(thread);
}

void OnJump(std::uint64_t stack_pointer) {
  ThreadContext& thread = t_thread;
  if (thread.park == nullptr || thread.record == nullptr) return;
  const StackBounds& own = thread.record->own_stack;
  while (thread.park != nullptr && thread.park->IsLeftBy(stack_pointer, own)) {
    if (!thread.park->IsOnOwnStack(own)) return ForgetUnread(thread);
    Park* left = thread.park;
    EndLeft(*left);
    if (thread.park == left) thread.park = nullptr;  // its mark is gone, and with it the chain
  }
}

}  // namespace limpet::session
