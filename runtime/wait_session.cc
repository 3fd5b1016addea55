// What the door does for waits.

#include <string.h>

#include "runtime/session.h"
#include "runtime/sys/readable_memory.h"
#include "runtime/sys/sandbox.h"
#include "runtime/tracer.h"
#include "runtime/wait_path.h"

namespace limpet::session {
namespace {

// Left by a jump or by unwinding, at any instruction.
void EndLeft(Park& park) {
  if (!park.IsStarted()) return;
  if (MayWrite(park)) park.Close();
  OnWaitEnd(park);
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

// Waits that began after it were left where nobody saw it. Or it is on a fiber, which was suspended
// meanwhile and may go on in another thread: then it knows nothing of this thread's chain.
void EndOutOfOrder(Park& park) {
  const ThreadRecord* record = t_thread.record;
  if (record != nullptr && park.IsOnOwnStack(record->own_stack)) return EndInOrder(park);
  bool is_shown_here = record != nullptr && record->slot != nullptr && park.IsShownIn(record->slot);
  if (is_shown_here) t_thread.park = nullptr;
  park.EndAlone(sys::CoarseMonotonicNs(), is_shown_here && MayWrite(park));
}

[[gnu::hot, gnu::aligned(64)]] void OnWaitStart(const Wait& wait, const sys::CallerFrame& caller,
                                                Park& park) {
  StartWait(wait, caller, park);
}

// All of its code lies on four lines of one page.
[[gnu::hot, gnu::aligned(256)]] void OnWaitEnd(Park& park) { EndWait(park); }

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
