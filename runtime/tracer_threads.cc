// What a tracer knows of threads: their numbers, records and slots.

#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cstring>

#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"
#include "runtime/tracer.h"

namespace limpet {
namespace {

// libc's thread for timers: to readers it sleeps for ever; of a living process they see what it
// does.
void ShowSleep(ThreadSlot* slot) {
  if (slot == nullptr) return;
  WaitingPartWriter writer(*slot, /*stays_open=*/false);
  writer.Write({.reason = WaitReason::kSleep}, sys::CoarseMonotonicNs(), StackId::kTruncated,
               ThreadState::kParked);
}

}  // namespace

// A vfork child runs with its parent thread's storage. What it entered there would bear its own id,
// and its end would be taken for the thread's: so it enters nothing, and its stacks are unknown.
void Tracer::EnterThread(ThreadContext& thread) {
  if (thread.epoch == epoch_ || !IsThisProcess()) return;
  thread.thread_id = static_cast<std::uint32_t>(sys::RawSyscall(SYS_gettid));
  if (thread.record == nullptr) ClaimRecord(thread);
  if (thread.record != nullptr)
    EnterRecord(thread);
  else
    segment.counters().dropped_threads_full.fetch_add(1, std::memory_order_relaxed);
  thread.epoch = epoch_;  // last: a handler that comes before it does all this itself
}

void Tracer::EnterRecord(ThreadContext& thread) {
  thread.record->walk.Forget();
  Number(thread);
  bool is_main = thread.thread_id == process_id_ && thread.record->own_stack.high == 0;
  if (is_main) thread.record->own_stack = main_stack_;
  EnterSlot(thread);
  if (thread.record == timer_record_.load()) ShowSleep(thread.record->slot);
}

void Tracer::Number(ThreadContext& thread) {
  std::uint32_t& number = thread.record->identity.number;
  if (number == 0) {
    number = thread.thread_id == process_id_ ? kMainThreadNumber : NextNumber();
  }
  thread.number.store(number, std::memory_order_relaxed);
}

void Tracer::DescribeThread(ThreadContext& creator, const sys::CallerFrame& caller,
                            ThreadIdentity* identity) {
  identity->number = NextNumber();
  if (creator.record == nullptr) return;
  identity->creator_number = creator.record->identity.number;
  identity->creator_thread_id = creator.thread_id;
  ReentryGuard guard(creator);
  if (guard.IsOutermost()) identity->creation_stack = Capture(creator, caller).id;
  identity->is_added =
      events.Add(identity->creation_stack, EventKind::kThreadCreation, kWeightOne, 0);
  const ThreadSlot* slot = creator.record->slot;
  if (slot != nullptr) memcpy(identity->name, slot->name, sizeof(identity->name));
}

// Of a thread that could not be made; its number only where no other was made meanwhile.
void Tracer::TakeBack(const ThreadIdentity& identity) {
  if (identity.number == 0) return;
  std::uint32_t others = identity.number - kMainThreadNumber;
  other_threads_.compare_exchange_strong(others, others - 1, std::memory_order_relaxed);
  if (identity.is_added) events.TakeBack(identity.creation_stack, EventKind::kThreadCreation);
}

// For a thread that no hook saw start: none will see it end either. So its record is retired at
// once, which lets it use it until the kernel says that it is gone. Where it is deeper in its stack
// than is known of it, it is read like any other's.
void Tracer::ClaimRecord(ThreadContext& thread) {
  if (TakeTimerRecord(thread)) return;
  thread.record = records.Claim(process_id_);
  if (thread.record == nullptr) return;
  if (thread.thread_id != process_id_) thread.record->own_stack = OwnThreadBounds(kLeastStackBytes);
  records.Retire(thread.record);
}

void Tracer::EnterSlot(ThreadContext& thread) {
  SectionEntry& section = segment.Section(SectionKind::kThreads);
  std::uint64_t index = thread.record->id;
  thread.record->slot = nullptr;
  if (!segment.ClaimAt(section, index)) {
    segment.counters().dropped_threads_full.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  ThreadSlot& slot = segment.Entries<ThreadSlot>(SectionKind::kThreads)[index];
  thread.record->slot = &slot;
  FillSlot(thread, &slot);
}

// Not where another thread, which made a timer at the same time, has done so.
void Tracer::EnterTimerThread(ThreadRecord* record, std::uint32_t thread_id) {
  ThreadRecord* none = nullptr;
  record->retired_thread_id = thread_id;
  if (!timer_record_.compare_exchange_strong(none, record)) {
    TakeBack(record->identity);
    return records.Release(record);
  }
  ThreadContext thread = {};
  thread.record = record;
  thread.thread_id = thread_id;
  thread.life = kThreadDetached;
  Number(thread);
  EnterSlot(thread);
  ShowSleep(record->slot);
  records.Retire(record, thread_id);
}

// It calls malloc for each timer that expires, and is met there.
bool Tracer::TakeTimerRecord(ThreadContext& thread) const {
  ThreadRecord* record = timer_record_.load();
  if (record == nullptr || record->retired_thread_id != thread.thread_id) return false;
  record->own_stack = OwnThreadBounds(kLeastStackBytes);
  thread.life.fetch_or(kThreadDetached);
  thread.record = record;
  return true;
}

// All of it, for the slot may have been another thread's; only what counts work goes on counting.
void Tracer::FillSlot(const ThreadContext& thread, ThreadSlot* slot) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const ThreadIdentity& identity = thread.record->identity;
  WaitingPartWriter writer(*slot, /*stays_open=*/false);
  writer.Write(
      {.wait = {}, .since_ns = 0, .stack = StackId::kComplete, .state = ThreadState::kRunning});
  slot->thread_id.store(thread.thread_id, kRelaxed);
  slot->started_ns.store(sys::CoarseMonotonicNs(), kRelaxed);
  slot->park_count.store(0, kRelaxed);
  slot->parked_ns.store(0, kRelaxed);
  for (Counter& group : slot->group_ns) group.store(0, kRelaxed);
  for (std::atomic<std::uint64_t>& lock : slot->read_holds.locks) lock.store(0, kRelaxed);
  slot->number.store(identity.number, kRelaxed);
  slot->creator_number.store(identity.creator_number, kRelaxed);
  slot->creator_thread_id.store(identity.creator_thread_id, kRelaxed);
  slot->creation_stack.store(identity.creation_stack, kRelaxed);
  slot->life.store(0);
  slot->life.fetch_or(thread.life.load() & kThreadDetached);  // who detaches it now sees the slot
  memcpy(slot->name, identity.name, sizeof(slot->name));
  if (!sys::IsSandboxed()) sys::RawSyscall(SYS_prctl, PR_GET_NAME, sys::AsArgument(slot->name));
}

std::uint32_t Tracer::LeaveSlot(ThreadContext& thread) const {
  ThreadSlot* slot = thread.record->slot;
  std::uint32_t life = thread.life.fetch_or(kThreadLeft);
  if (IsEntered(thread) && slot != nullptr)
    slot->state.store(ThreadState::kExited, std::memory_order_release);
  return life;
}

// The thread's destructors come after this; they go on with its record and slot.
void Tracer::LeaveThread(ThreadContext& thread) {
  if (thread.record == nullptr || !IsOwnProcess()) return;
  // Kept before it is known that it left: who joins or detaches it after that releases it.
  bool is_kept = records.Keep(thread.record);
  bool is_over = (LeaveSlot(thread) & kThreadDetached) != 0;
  if (is_kept && is_over) records.ReleaseKept(thread.record);
  if (!is_kept) records.Retire(thread.record);
}

}  // namespace limpet
