// What the door does for waits.

#include <string.h>

#include "runtime/park/hold_waiters.h"
#include "runtime/sample/duration_sampler.h"
#include "runtime/sample/random.h"
#include "runtime/session.h"
#include "runtime/sys/readable_memory.h"
#include "runtime/sys/sandbox.h"
#include "runtime/tracer.h"
#include "runtime/wait_path.h"

namespace limpet::session {
namespace {

// Each part to who ended it, the rest to the last; to the unknown stack where nobody is known. Of
// words that libraries wait by many are no lock.
void ChargeReleasers(const FinishedWait& wait, const DurationSample& sample) {
  std::uint64_t from_ns = wait.end_ns - wait.duration_ns;
  Release releases[kKeptReleases];
  std::uint32_t count = g_tracer.releases.Between(from_ns, wait.end_ns, wait.held, releases);
  if (count == 0 && wait.reason == WaitReason::kFutex) return;
  if (count == 0) releases[count++] = {wait.end_ns, StackId::kComplete, 0};
  EventKind kind = ReleaseFor(wait.reason);
  for (const Release* release = releases; release != releases + count; ++release) {
    bool is_last = release + 1 == releases + count;
    std::uint64_t until_ns = is_last ? wait.end_ns : release->time_ns;
    std::uint64_t part_ns = ShareOf(sample, wait.duration_ns, until_ns - from_ns);
    g_tracer.events.Add(release->stack, kind, is_last ? sample.weight : 0, part_ns);
    from_ns = until_ns;
  }
}

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

namespace {

// In the order in which a jump in between leaves the count too high, never too low.
void EnterHold(std::uint64_t object, Park& park) {
  g_hold_waiters.Enter(object);
  std::atomic_signal_fence(std::memory_order_release);
  park.set_held(object);
}

// Below us: a walk's room is more than the tables take.
bool HasRoomForTables() {
  auto frame = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  const ThreadRecord* record = t_thread.record;
  return (record != nullptr && record->own_stack.Holds(frame)) || HasRoomForWalk(frame);
}

}  // namespace

// The clock's last digits are as good as random.
void AddUp(const FinishedWait& wait) {
  std::uint64_t rate_ns = g_tracer.options.block_rate_ns;
  if (rate_ns == 0) return;
  std::uint64_t random = Stir(wait.end_ns ^ std::uint64_t{t_thread.thread_id} << 32);
  DurationSample sample = SampleDuration(wait.duration_ns, rate_ns, random);
  if (sample.weight == 0) return;
  if (!HasRoomForTables()) return g_tracer.events.CountLoss();
  g_tracer.events.Add(wait.stack, EventOf(wait.reason), sample.weight, sample.duration_ns);
  if (IsForHold(wait.reason)) ChargeReleasers(wait, sample);
}

// Waits that began after it were left where nobody saw it. Or it is on a fiber, which was suspended
// meanwhile and may go on in another thread: then it knows nothing of this thread's chain.
void EndOutOfOrder(Park& park) {
  const ThreadRecord* record = t_thread.record;
  clockid_t clock = ClockOf(park.reason());
  if (record != nullptr && park.IsOnOwnStack(record->own_stack))
    return EndInOrder(park, t_thread, clock);
  bool is_shown_here = record != nullptr && record->slot != nullptr && park.IsShownIn(record->slot);
  if (is_shown_here) t_thread.park = nullptr;
  park.EndAlone(sys::KernelClockNs(clock), is_shown_here && MayWrite(park), AddUp);
}

[[gnu::hot, gnu::aligned(64)]] void OnWaitStart(const Wait& wait, const sys::CallerFrame& caller,
                                                Park& park) {
  bool is_for_hold = IsForHold(wait.reason);
  if (is_for_hold) park.set_held(0);
  StartWait(wait, ClockOf(wait.reason), caller, park);
  if (is_for_hold && park.IsStarted()) EnterHold(wait.object, park);
}

// All of its code lies on few lines of one page.
[[gnu::hot, gnu::aligned(256)]] void OnWaitEnd(Park& park) {
  if (!park.IsStarted()) return;
  std::uint64_t held = IsForHold(park.reason()) ? park.held() : 0;
  EndWait(park, ClockOf(park.reason()));
  if (held != 0) g_hold_waiters.Leave(held);
}

void OnWaitOver(Park& park) {
  if (!park.IsStarted()) return;
  park.Finish(sys::KernelClockNs(ClockOf(park.reason())), MayWrite(park), AddUp);
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
