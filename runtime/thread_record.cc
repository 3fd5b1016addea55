#include "runtime/thread_record.h"

#include <errno.h>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

constexpr int kRetiredTries = 16;  // of those that come next, at one claim

bool IsGone(std::uint32_t process_id, std::uint32_t thread_id) {
  return sys::RawSyscall(SYS_tgkill, process_id, thread_id, 0) == -ESRCH;
}

// Says what the thread could not: one that no hook saw start. Nobody of the program can join it.
void CloseSlot(const ThreadRecord& record) {
  ThreadSlot* slot = record.slot;
  if (slot == nullptr) return;
  ThreadState state = slot->state.load(std::memory_order_relaxed);
  if (state != ThreadState::kRunning && state != ThreadState::kParked) return;
  slot->life.fetch_or(kThreadDetached);
  slot->state.store(ThreadState::kExited, std::memory_order_release);
}

}  // namespace

ThreadRecord* ThreadRecordPool::Claim(std::uint32_t process_id) {
  ThreadRecord* record = Pop(free_);
  if (record == nullptr) record = TakeRetired(process_id);
  if (record == nullptr) record = TakeFresh();
  if (record == nullptr) return nullptr;
  record->own_stack = {};
  record->slot = nullptr;
  record->retired_thread_id = 0;
  record->identity = {};
  record->is_kept.store(false, std::memory_order_relaxed);
  record->thread.store(0, std::memory_order_relaxed);
  record->awaited.store(nullptr, std::memory_order_relaxed);
  record->walk.Forget();
  return record;
}

void ThreadRecordPool::Retire(ThreadRecord* record) {
  Retire(record, static_cast<std::uint32_t>(sys::RawSyscall(SYS_gettid)));
}

void ThreadRecordPool::Retire(ThreadRecord* record, std::uint32_t thread_id) {
  record->retired_thread_id = thread_id;
  Push(retired_[1 - looked_at_.load(std::memory_order_relaxed)], record);
}

bool ThreadRecordPool::Keep(ThreadRecord* record) {
  if (kept_.fetch_add(1, std::memory_order_relaxed) >= kMaxKept) {
    kept_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  record->retired_thread_id = static_cast<std::uint32_t>(sys::RawSyscall(SYS_gettid));
  record->is_kept.store(true, std::memory_order_release);
  return true;
}

void ThreadRecordPool::ReleaseKept(ThreadRecord* record) {
  if (!record->is_kept.exchange(false, std::memory_order_acq_rel)) return;
  kept_.fetch_sub(1, std::memory_order_relaxed);
  Push(retired_[1 - looked_at_.load(std::memory_order_relaxed)], record);
}

// All that are looked at and gone are free from now on.
ThreadRecord* ThreadRecordPool::TakeRetired(std::uint32_t process_id) {
  ThreadRecord* taken = nullptr;
  int turns = 0;
  for (int tries = 0; tries < kRetiredTries && turns < 2; ++tries) {
    std::uint32_t side = looked_at_.load(std::memory_order_relaxed);
    ThreadRecord* record = Pop(retired_[side]);
    if (record == nullptr) {
      looked_at_.store(1 - side, std::memory_order_relaxed);
      ++turns;
      continue;
    }
    if (!IsGone(process_id, record->retired_thread_id)) {
      Push(retired_[1 - side], record);
      continue;
    }
    CloseSlot(*record);
    if (taken != nullptr) Release(taken);
    taken = record;
  }
  return taken;
}

void ThreadRecordPool::CloseGone(std::uint32_t process_id) {
  std::uint32_t handed_out = fresh_.load(std::memory_order_relaxed);
  for (std::uint32_t id = 0; id < handed_out; ++id) {
    const ThreadRecord* record = At(id);
    if (record == nullptr || record->slot == nullptr || record->retired_thread_id == 0) continue;
    if (IsGone(process_id, record->retired_thread_id)) CloseSlot(*record);
  }
}

ThreadRecord* ThreadRecordPool::Pop(sys::IndexStack& list) {
  std::uint32_t id = list.Pop(
      kMaxRecords, [this](std::uint32_t at) -> auto& { return At(at)->next; });
  return id < kMaxRecords ? At(id) : nullptr;
}

void ThreadRecordPool::Push(sys::IndexStack& list, const ThreadRecord* record) {
  list.Push(
      record->id, [this](std::uint32_t at) -> auto& { return At(at)->next; });
}

ThreadRecord* ThreadRecordPool::TakeFresh() {
  std::uint32_t id = fresh_.load(std::memory_order_relaxed);
  do {
    if (id >= kMaxRecords) return nullptr;
  } while (!fresh_.compare_exchange_weak(id, id + 1, std::memory_order_relaxed));
  ThreadRecord* record = At(id);
  if (record != nullptr) record->id = id;
  return record;
}

ThreadRecord* ThreadRecordPool::At(std::uint32_t id) {
  std::atomic<ThreadRecord*>& chunk = chunks_[id / kChunkRecords];
  ThreadRecord* records = chunk.load(std::memory_order_acquire);
  if (records == nullptr) {
    auto* mapped = sys::MapPrivatePages<ThreadRecord>(kChunkRecords * sizeof(ThreadRecord));
    if (mapped == nullptr) return nullptr;
    if (chunk.compare_exchange_strong(records, mapped, std::memory_order_acq_rel))
      records = mapped;
    else
      sys::UnmapPages(mapped, kChunkRecords * sizeof(ThreadRecord));
  }
  return records + id % kChunkRecords;
}

void ThreadRecordPool::Reset(ThreadRecord* kept) {
  std::uint32_t handed_out = fresh_.load(std::memory_order_relaxed);
  free_.Clear();
  for (sys::IndexStack& list : retired_) list.Clear();
  kept_.store(0, std::memory_order_relaxed);
  for (std::uint32_t id = 0; id < handed_out; ++id) {
    ThreadRecord* record = At(id);
    if (record == nullptr) continue;
    record->slot = nullptr;
    record->spare_slot.Clear();
    record->is_kept.store(false, std::memory_order_relaxed);
    if (record == kept) continue;
    record->id = id;
    Release(record);
  }
}

}  // namespace limpet
