#include "runtime/thread_record.h"

#include "runtime/sys/private_pages.h"

namespace limpet {
namespace {

constexpr std::uint64_t kIdMask = 0xffff'ffff;
constexpr std::uint64_t kOnePush = std::uint64_t{1} << 32;

}  // namespace

ThreadRecord* ThreadRecordPool::Claim() {
  ThreadRecord* record = TakeFree();
  if (record == nullptr) record = TakeFresh();
  if (record == nullptr) return nullptr;
  record->own_stack = {};
  record->walk.Forget();
  return record;
}

ThreadRecord* ThreadRecordPool::TakeFree() {
  std::uint64_t head = free_.load(std::memory_order_acquire);  // pairs with the release in Release
  while ((head & kIdMask) != 0) {
    ThreadRecord* record = At(static_cast<std::uint32_t>((head & kIdMask) - 1));
    std::uint64_t next = record->next_free.load(std::memory_order_relaxed);
    if (free_.compare_exchange_weak(head, (head & ~kIdMask) | next, std::memory_order_acquire))
      return record;
  }
  return nullptr;
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

void ThreadRecordPool::Release(ThreadRecord* record) {
  std::uint64_t head = free_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    record->next_free.store(static_cast<std::uint32_t>(head & kIdMask), std::memory_order_relaxed);
    next = ((head & ~kIdMask) + kOnePush) | (std::uint64_t{record->id} + 1);
  } while (!free_.compare_exchange_weak(head, next, std::memory_order_release,
                                        std::memory_order_relaxed));
}

void ThreadRecordPool::Reset(const ThreadRecord* kept) {
  std::uint32_t handed_out = fresh_.load(std::memory_order_relaxed);
  free_.store(0, std::memory_order_relaxed);
  for (std::uint32_t id = 0; id < handed_out; ++id) {
    ThreadRecord* record = At(id);
    if (record == nullptr || record == kept) continue;
    record->id = id;
    Release(record);
  }
}

}  // namespace limpet
