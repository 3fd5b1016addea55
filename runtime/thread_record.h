// What a thread keeps outside its thread-local storage: its remembered walk and the bounds of its
// stack.
//
// Records lie in private pages that are touched as deep as the thread's stacks; a record is given
// back when its thread ends, so threads that come and go share the same few.
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
  StackBounds own_stack;  // empty: not known, each walk probes
  std::uint32_t id;       // position in the pool, and of the thread's slot in the segment
  std::atomic<std::uint32_t> next_free;
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
  void Release(ThreadRecord* record);

  // In a forked child: every record is free again but `kept` (may be null), the only thread's.
  void Reset(const ThreadRecord* kept);

 private:
  static constexpr std::uint32_t kChunkRecords = 64;
  static constexpr std::uint32_t kMaxChunks = 512;
  static constexpr std::uint32_t kMaxRecords = kChunkRecords * kMaxChunks;

  ThreadRecord* At(std::uint32_t id);
  ThreadRecord* TakeFree();
  ThreadRecord* TakeFresh();

  std::atomic<ThreadRecord*> chunks_[kMaxChunks] = {};
  std::atomic<std::uint32_t> fresh_ = 0;  // records ever handed out
  std::atomic<std::uint64_t> free_ =
      0;  // id + 1 in the low half, a count against ABA in the high half
};

}  // namespace limpet
