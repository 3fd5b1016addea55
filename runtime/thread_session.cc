// What the door does for threads: their start and end, and what others do to them.

#include <string.h>

#include "runtime/session.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/sandbox.h"
#include "runtime/sys/thread_pointer.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

using sys::ErrnoKeeper;

void SetLife(ThreadRecord* record, std::uint32_t bit) {
  ThreadSlot* slot = g_tracer.HasSegment() ? record->slot : nullptr;
  if (slot != nullptr) slot->life.fetch_or(bit);
}

ThreadRecord* RecordOf(const ThreadContext& other) {
  return __atomic_load_n(&other.record, __ATOMIC_SEQ_CST);
}

// It is about to set its record, and looks for who awaits it after that; here the record is looked
// for again after this.
void AwaitStart(ThreadContext* joined) {
  ThreadContext& self = t_thread;
  g_tracer.IsTracing(self, /*creates=*/false);
  if (self.record == nullptr) return;
  self.record->awaited.store(nullptr);
  joined->early_joiner.store(self.record);
}

// A handler came before, and was entered as a thread that nobody saw start. What comes between the
// steps of this finds a record without a slot, or enters the new one.
void LeaveEarlierRecord(const ThreadRecord& earlier) {
  t_thread.epoch = 0;
  ThreadSlot* slot = g_tracer.HasSegment() ? earlier.slot : nullptr;
  if (slot != nullptr) slot->state.store(ThreadState::kFree, std::memory_order_release);
}

void TellEarlyJoiner(const ThreadContext& self) {
  ThreadRecord* joiner = self.early_joiner.load();
  if (joiner != nullptr) joiner->awaited.store(self.record);
}

// What TellEarlyJoiner left for us; of another join that was given up, where the thread differs.
ThreadRecord* StartedSince(std::uint64_t thread) {
  ThreadRecord* own = t_thread.record;
  ThreadRecord* record = own != nullptr ? own->awaited.exchange(nullptr) : nullptr;
  return record != nullptr && record->thread.load() == thread ? record : nullptr;
}

// The record is still that of the thread `number`, which has left. The main thread's is never
// given away.
bool IsLeftBehind(const ThreadRecord& record, std::uint32_t number) {
  return record.identity.number == number &&
         (record.is_kept.load() || number == Tracer::kMainThreadNumber);
}

}  // namespace

ThreadRecord* OnThreadCreate(const sys::CallerFrame& caller) {
  ErrnoKeeper errno_keeper;
  if (!g_tracer.Start() || g_tracer.IsOff()) return nullptr;
  // The pool of a forked child is renewed before it is used. While one thread makes the segment the
  // samples and waits of others are lost, so it is there before there are others.
  bool is_tracing = g_tracer.IsTracing(t_thread, /*creates=*/true);
  if (!g_tracer.IsOwnProcess()) return nullptr;
  ThreadRecord* record = g_tracer.records.Claim(g_tracer.process_id());
  if (record != nullptr && is_tracing) g_tracer.DescribeThread(t_thread, caller, &record->identity);
  return record;
}

void OnThreadCreateFailed(ThreadRecord* record) {
  g_tracer.TakeBack(record->identity);
  g_tracer.records.Release(record);
}

void OnTimerThread(const sys::CallerFrame& caller) {
  ErrnoKeeper errno_keeper;
  if (!g_tracer.IsTracing(t_thread, /*creates=*/true) || sys::IsSandboxed()) return;
  std::uint32_t thread_id = g_tracer.KnowsTimerThread() ? 0 : sys::TimerThreadId();
  ThreadRecord* record = thread_id != 0 ? OnThreadCreate(caller) : nullptr;
  if (record != nullptr) g_tracer.EnterTimerThread(record, thread_id);
}

void OnThreadStart(ThreadRecord* record) {
  ErrnoKeeper errno_keeper;
  record->own_stack = OwnThreadBounds(record->stack_bytes);
  record->thread.store(sys::ThreadPointer());
  if (record->starts_detached) t_thread.life.fetch_or(kThreadDetached);
  const ThreadRecord* earlier = t_thread.record;
  t_thread.number.store(record->identity.number);
  __atomic_store_n(&t_thread.record, record, __ATOMIC_SEQ_CST);  // read by who joins or detaches it
  if (earlier != nullptr) LeaveEarlierRecord(*earlier);
  TellEarlyJoiner(t_thread);
  g_tracer.IsTracing(t_thread, /*creates=*/false);
}

void OnThreadExit() {
  ErrnoKeeper errno_keeper;
  g_tracer.LeaveThread(t_thread);
}

bool IsMainThread() { return g_tracer.IsRecording() && g_tracer.IsMainThread(t_thread); }

void OnMainThreadExit() { g_tracer.LeaveSlot(t_thread); }

// Asked before the call: after it the other thread's storage is gone.
JoinedThread OnJoinStart(std::uint64_t thread) {
  if (!g_tracer.IsRecording()) return {};
  ThreadContext& joined = ContextOf(thread);
  if (RecordOf(joined) == nullptr) AwaitStart(&joined);
  return {.thread = thread, .record = RecordOf(joined), .number = joined.number.load()};
}

// By now another may have the record, unless it was kept.
void OnJoined(const JoinedThread& joined) {
  if (joined.thread == 0 || !g_tracer.IsRecording()) return;
  ThreadRecord* record = joined.record;
  std::uint32_t number = joined.number;
  if (record == nullptr) {
    record = StartedSince(joined.thread);
    if (record == nullptr) return;
    number = record->identity.number;
  }
  if (!IsLeftBehind(*record, number)) return;
  SetLife(record, kThreadJoined);
  g_tracer.records.ReleaseKept(record);
}

void OnDetach(std::uint64_t thread) {
  if (!g_tracer.IsRecording()) return;
  ThreadContext& detached = ContextOf(thread);
  bool has_left = (detached.life.fetch_or(kThreadDetached) & kThreadLeft) != 0;
  ThreadRecord* record = RecordOf(detached);
  if (record == nullptr) return;  // it has not started yet, and will see it then
  std::uint32_t number = detached.number.load();
  bool is_its_own = has_left ? IsLeftBehind(*record, number) : record->identity.number == number;
  if (!is_its_own) return;
  SetLife(record, kThreadDetached);
  if (has_left) g_tracer.records.ReleaseKept(record);
}

// A vfork child has its parent thread's storage and slot, but a name of its own.
void OnRename(std::uint64_t thread, const char* name) {
  if (!g_tracer.IsRecording() || !g_tracer.IsThisProcess()) return;
  const ThreadRecord* record = RecordOf(ContextOf(thread));
  if (record == nullptr || record->slot == nullptr) return;
  char padded[sizeof(record->slot->name)] = {};
  memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
  memcpy(record->slot->name, padded, sizeof(padded));
}

}  // namespace limpet::session
