// What the door does for threads: their start and end, and what others do to them.

#include <string.h>

#include "runtime/session.h"
#include "runtime/sys/errno_keeper.h"
#include "runtime/tracer.h"

namespace limpet::session {
namespace {

using sys::ErrnoKeeper;

void SetLife(ThreadRecord* record, std::uint32_t bit) {
  ThreadSlot* slot = g_tracer.HasSegment() ? record->slot : nullptr;
  if (slot != nullptr) slot->life.fetch_or(bit);
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
  g_tracer.TakeBackNumber(record->identity);
  g_tracer.records.Release(record);
}

void OnThreadStart(ThreadRecord* record) {
  ErrnoKeeper errno_keeper;
  record->own_stack = OwnThreadBounds(record->stack_bytes);
  if (record->starts_detached) t_thread.life.fetch_or(kThreadDetached);
  __atomic_store_n(&t_thread.record, record, __ATOMIC_SEQ_CST);  // read by who detaches it
  g_tracer.IsTracing(t_thread, /*creates=*/false);
}

void OnThreadExit() {
  ErrnoKeeper errno_keeper;
  g_tracer.LeaveThread(t_thread);
}

bool IsMainThread() {
  return g_tracer.HasSegment() && g_tracer.IsOwnProcess() && g_tracer.IsMainThread(t_thread);
}

void OnMainThreadExit() { g_tracer.LeaveSlot(t_thread); }

JoinedThread OnJoinStart(std::uint64_t thread) {
  if (!g_tracer.HasSegment() || !g_tracer.IsOwnProcess()) return {};
  ThreadContext& joined = ContextOf(thread);
  bool has_left = (joined.life.fetch_or(kThreadAwaited) & kThreadLeft) != 0;
  ThreadRecord* record = __atomic_load_n(&joined.record, __ATOMIC_SEQ_CST);
  if (!has_left || record == nullptr) return {};  // it will see for itself when it leaves
  return {record, record->identity.number};
}

// The thread is gone, so another may have its record by now: unless it was kept.
void OnJoined(const JoinedThread& joined) {
  ThreadRecord* record = joined.record;
  if (record == nullptr || !g_tracer.IsOwnProcess()) return;
  if (record->identity.number != joined.number) return;
  SetLife(record, kThreadJoined);
  g_tracer.records.ReleaseKept(record);
}

void OnJoinTimeout(std::uint64_t thread) {
  if (g_tracer.HasSegment() && g_tracer.IsOwnProcess())
    ContextOf(thread).life.fetch_and(~kThreadAwaited);
}

void OnDetach(std::uint64_t thread) {
  if (!g_tracer.HasSegment() || !g_tracer.IsOwnProcess()) return;
  ThreadContext& detached = ContextOf(thread);
  bool has_left = (detached.life.fetch_or(kThreadDetached) & kThreadLeft) != 0;
  ThreadRecord* record = __atomic_load_n(&detached.record, __ATOMIC_SEQ_CST);
  if (record == nullptr) return;  // it has not started yet, and will see it then
  SetLife(record, kThreadDetached);
  if (has_left) g_tracer.records.ReleaseKept(record);
}

void OnRename(std::uint64_t thread, const char* name) {
  if (!g_tracer.HasSegment() || !g_tracer.IsOwnProcess()) return;
  const ThreadRecord* record = __atomic_load_n(&ContextOf(thread).record, __ATOMIC_SEQ_CST);
  if (record == nullptr || record->slot == nullptr) return;
  char padded[sizeof(record->slot->name)] = {};
  memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
  memcpy(record->slot->name, padded, sizeof(padded));
}

}  // namespace limpet::session
