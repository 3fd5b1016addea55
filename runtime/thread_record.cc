#include "runtime/thread_record.h"

#include <errno.h>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

constexpr std::uint64_t kIdMask = 0xffff'ffff;
constexpr std::uint64_t kOnePush = std::uint64_t{1} << 32;
constexpr int kRetiredTries = 16;

bool IsGone(std::uint32_t thread_id) {
  return sys::RawSyscall(SYS_tgkill, sys::RawSyscall(SYS_getpid), thread_id, 0) == -ESRCH;
}

}  // namespace

ThreadRecord* ThreadRecordPool::Claim() {
  ThreadRecord* record = Pop(free_);
  if (record == nullptr) record = TakeRetired();
  if (record == nullptr) record = TakeFresh();
  if (record == nullptr) return nullptr;
  record->own_stack = {};
  record->walk.Forget();
  return record;
}

void ThreadRecordPool::Retire(ThreadRecord* record) {
  record->retired_thread_id = static_cast<std::uint32_t>(sys::RawSyscall(SYS_gettid));
  Push(retired_, record);
}

// A few only: those that are still in use go back and another day serves as well.
ThreadRecord* ThreadRecordPool::TakeRetired() {
  ThreadRecord* in_use[kRetiredTries];
  ThreadRecord* taken = nullptr;
  int passed = 0;
  while (taken == nullptr && passed < kRetiredTries) {
    ThreadRecord* record = Pop(retired_);
    if (record == nullptr) break;
    if (IsGone(record->retired_thread_id))
      taken = record;
    else
      in_use[passed++] = record;
  }
  while (passed > 0) Push(retired_, in_use[--passed]);
  return taken;
}

ThreadRecord* ThreadRecordPool::Pop(List& list) {
  std::uint64_t head = list.load(std::memory_order_acquire);  // pairs with the release in Push
  while ((head & kIdMask) != 0) {
    ThreadRecord* record = At(static_cast<std::uint32_t>((head & kIdMask) - 1));
    std::uint64_t next = record->next.load(std::memory_order_relaxed);
    if (list.compare_exchange_weak(head, (head & ~kIdMask) | next, std::memory_order_acquire))
      return record;
  }
  return nullptr;
}

void ThreadRecordPool::Push(List& list, ThreadRecord* record) {
  std::uint64_t head = list.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    record->next.store(static_cast<std::uint32_t>(head & kIdMask), std::memory_order_relaxed);
    next = ((head & ~kIdMask) + kOnePush) | (std::uint64_t{record->id} + 1);
  } while (!list.compare_exchange_weak(head, next, std::memory_order_release,
                                       std::memory_order_relaxed));
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

void ThreadRecordPool::Reset(const ThreadRecord* kept) {
  std::uint32_t handed_out = fresh_.load(std::memory_order_relaxed);
  free_.store(0, std::memory_order_relaxed);
  retired_.store(0, std::memory_order_relaxed);
  for (std::uint32_t id = 0; id < handed_out; ++id) {
    ThreadRecord* record = At(id);
    if (record == nullptr || record == kept) continue;
    record->id = id;
    Release(record);
  }
}

}  // namespace limpet
