// What the door does for waits.

#include <string.h>

#include "runtime/session.h"
#include "runtime/sys/clock.h"
#include "runtime/sys/readable_memory.h"
#include "runtime/sys/sandbox.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

// Those that longjmp left, where no hook saw it, are no outer waits of one that starts now.
[[gnu::cold, gnu::noinline]] void ForgetAbandoned(ThreadContext& thread, const Park& inner,
                                                  bool has_walk) {
  const RememberedWalk* walk = has_walk ? &thread.record->walk : nullptr;
  while (thread.park != nullptr && !thread.park->IsAlive(&inner, thread.record->own_stack, walk))
    thread.park = nullptr;
}

// A wait in a handler that interrupted a sample: the remembered walk is being changed.
[[gnu::cold, gnu::noinline]] StackId UnknownStack() {
  g_tracer.segment.counters().truncated_stacks.fetch_add(1, std::memory_order_relaxed);
  return StackId::kTruncated;
}

// The process and the segment are those that the wait began in.
[[gnu::always_inline]] inline bool MayWrite(const Park& park) {
  return g_tracer.HasSegment() && g_tracer.IsOwnProcess() && park.epoch() == g_tracer.epoch();
}

// A process of one thread has no segment before it takes a sample, and in a forked child nothing is
// set up for a wait.
[[gnu::always_inline]] inline bool IsRecording() {
  return g_tracer.HasSegment() && g_tracer.IsOwnProcess();
}

[[gnu::always_inline]] inline bool IsEntered(ThreadContext& thread) {
  bool is_usual = thread.epoch == g_tracer.epoch();
  if (!is_usual && !g_tracer.IsTracing(thread, /*creates=*/false)) return false;
  return thread.record != nullptr && thread.record->slot != nullptr;
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
void OnWaitStart(const Wait& wait, const sys::CallerFrame& caller, Park& park) {
  park.Skip();
  ThreadContext& thread = t_thread;
  if (!IsRecording() || !IsEntered(thread)) return;
  ReentryGuard guard(thread);
  bool has_walk = guard.IsOutermost();
  StackId stack = has_walk ? g_tracer.Capture(thread, caller).id : UnknownStack();
  if (thread.park != nullptr) [[unlikely]]
    ForgetAbandoned(thread, park, has_walk);
  park.Start(thread.record->slot, g_tracer.epoch(), wait, {sys::CoarseMonotonicNs(), stack}, caller,
             &thread.park);
}

void OnWaitEnd(Park& park) {
  if (!park.IsStarted()) return;
  park.End(sys::CoarseMonotonicNs(), MayWrite(park), &t_thread.park);
}

void OnWaitOver(Park& park) {
  if (park.IsStarted()) park.Finish(sys::CoarseMonotonicNs(), MayWrite(park));
}

// In a sandbox the kernel is not asked, and what lies elsewhere stays unknown.
bool ReadPassed(const void* from, void* to, std::size_t bytes) {
  if (!IsRecording()) return false;
  bool is_there =
      IsOnLiveStack(from, bytes) || (!sys::IsSandboxed() && sys::IsReadable(from, bytes));
  if (is_there) memcpy(to, from, bytes);
  return is_there;
}

void OnWaitUnwound() {
  if (t_thread.park != nullptr) OnWaitEnd(*t_thread.park);
}

void OnJump(std::uint64_t stack_pointer) {
  ThreadContext& thread = t_thread;
  if (thread.park == nullptr || thread.record == nullptr) return;
  const StackBounds& own = thread.record->own_stack;
  while (thread.park != nullptr && thread.park->IsLeftBy(stack_pointer, own)) {
    Park* left = thread.park;
    OnWaitEnd(*left);
    if (thread.park == left) thread.park = nullptr;  // its mark is gone, and with it the chain
  }
}

}  // namespace limpet::session
