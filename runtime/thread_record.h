// What a thread keeps outside its thread-local storage: its remembered walk and the bounds of its
// stack.
//
// Records lie in private pages that are touched as deep as the thread's stacks. A thread retires
// its record at its end but uses it on, because destructors allocate; once the kernel says that the
// thread is gone, another takes it over. So threads that come and go share the same few.
//
// Runs: target hot path (slow side) and thread creation.  Threads: claimed by one, used by one.
// Allocates: private pages, 64 records at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"

namespace limpet {

struct alignas(4096) ThreadRecord {
  StackBounds own_stack;            // empty: not known, each walk probes
  std::uint32_t id;                 // position in the pool, and of the thread's slot in the segment
  std::atomic<std::uint32_t> next;  // in a list of the pool
  std::uint32_t retired_thread_id;  // kernel's id of the thread that may still use it
  // Handed from pthread_create to the new thread.
  void* (*routine)(void*);
  void* argument;
  std::uint64_t stack_bytes;
  RememberedWalk walk;
};

class ThreadRecordPool {
 public:
  // nullptr where there is no memory, or with more than kMaxRecords threads at once.
  ThreadRecord* Claim();

  // Gives back a record that nobody uses.
  void Release(ThreadRecord* record) { Push(free_, record); }
  // Gives back the calling thread's own, which it uses until it is gone.
  void Retire(ThreadRecord* record);

  // In a forked child: every record is free again but `kept` (may be null), the only thread's.
  void Reset(const ThreadRecord* kept);

 private:
  static constexpr std::uint32_t kChunkRecords = 64;
  static constexpr std::uint32_t kMaxChunks = 512;
  static constexpr std::uint32_t kMaxRecords = kChunkRecords * kMaxChunks;

  // Head of a list of records: id + 1 in the low half, a count against ABA in the high half.
  using List = std::atomic<std::uint64_t>;

  ThreadRecord* At(std::uint32_t id);
  void Push(List& list, ThreadRecord* record);
  ThreadRecord* Pop(List& list);
  ThreadRecord* TakeRetired();
  ThreadRecord* TakeFresh();

  std::atomic<ThreadRecord*> chunks_[kMaxChunks] = {};
  std::atomic<std::uint32_t> fresh_ = 0;  // records ever handed out
  List free_ = 0;
  List retired_ = 0;
};

}  // namespace limpet
