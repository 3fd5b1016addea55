// What a thread keeps outside its thread-local storage: its remembered walk, the bounds of its
// stack, and a page to copy other stacks to.
//
// Records lie in private pages that are touched as deep as the thread's stacks. A thread retires
// its record at its end but uses it on, because destructors allocate; once the kernel says that the
// thread is gone, another takes it over. So threads that come and go share the same few.
// One that waits to be joined stays to be seen: its record is kept, up to a thousand of them.
//
// Runs: target hot path (slow side) and thread creation.  Threads: claimed by one, used by one.
// Allocates: private pages, 64 records at a time.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/thread_slot.h"
#include "runtime/park/recent_signals.h"
#include "runtime/stack/remembered_walk.h"
#include "runtime/stack/stack_bounds.h"
#include "runtime/stack/stack_memory.h"
#include "runtime/stack/wait_places.h"
#include "runtime/sys/index_stack.h"
#include "runtime/table/allocation_table.h"

namespace limpet {

// Who a thread is, as its creator knows.
struct ThreadIdentity {
  std::uint32_t number;  // 0: not counted yet
  std::uint32_t creator_number;
  std::uint32_t creator_thread_id;
  StackId creation_stack;
  bool is_added;  // to what threads were made at that stack
  char name[16];  // the creator's, which the kernel gives to a new thread
};

struct alignas(4096) ThreadRecord {
  StackBounds own_stack;            // empty: not known, read through the kernel
  std::uint32_t id;                 // position in the pool, and of the thread's slot in the segment
  ThreadSlot* slot;                 // in the segment that the thread is entered in; may be null
  std::atomic<std::uint32_t> next;  // in a list of the pool
  std::uint32_t
      retired_thread_id;  // kernel's id of the thread that may still use it; 0: not retired
  // Handed from pthread_create to the new thread.
  void* (*routine)(void*);
  void* argument;
  std::uint64_t stack_bytes;
  bool starts_detached;
  ThreadIdentity identity;
  std::atomic<bool> is_kept;          // of a thread that has left, until it is joined or detached
  std::atomic<std::uint64_t> thread;  // its pthread_t
  // Of the thread that this one came to join before it had started.
  std::atomic<ThreadRecord*> awaited;
  SpareSlot spare_slot;  // of the segment's blocks
  RecentSignals signals;
  WaitPlaces places;  // here: what a wait asks lies on two pages
  RememberedWalk walk;
  StackPage foreign_page;
};

class ThreadRecordPool {
 public:
  // nullptr where there is no memory, or with more than kMaxRecords threads at once. `process_id`
  // is that of the process whose threads these are: a vfork child asks in its parent's name.
  ThreadRecord* Claim(std::uint32_t process_id);

  // Gives back a record that nobody uses.
  void Release(ThreadRecord* record) { Push(free_, record); }
  // Gives back that of a thread which uses it until it is gone: the calling one, or another.
  void Retire(ThreadRecord* record);
  void Retire(ThreadRecord* record, std::uint32_t thread_id);

  // As Retire, but nobody takes the record over until ReleaseKept: what the thread's slot says
  // stays to be read. False: kMaxKept are kept already.
  [[nodiscard]] bool Keep(ThreadRecord* record);
  // The thread was joined or detached. Does nothing to a record that is not kept.
  void ReleaseKept(ThreadRecord* record);

  // At the process's end: of threads that no hook saw start none sees the end either, and who reads
  // the segment of a dead process cannot ask for them any more.
  void CloseGone(std::uint32_t process_id);

  // In a forked child: every record is free again but `kept` (may be null), the only thread's, and
  // what they held of the parent's segment is forgotten.
  void Reset(ThreadRecord* kept);

 private:
  static constexpr std::uint32_t kChunkRecords = 64;
  static constexpr std::uint32_t kMaxChunks = 512;
  static constexpr std::uint32_t kMaxRecords = kChunkRecords * kMaxChunks;
  static constexpr std::uint32_t kMaxKept = 1024;

  ThreadRecord* At(std::uint32_t id);
  void Push(sys::IndexStack& list, const ThreadRecord* record);
  ThreadRecord* Pop(sys::IndexStack& list);
  ThreadRecord* TakeRetired(std::uint32_t process_id);
  ThreadRecord* TakeFresh();

  std::atomic<ThreadRecord*> chunks_[kMaxChunks] = {};
  std::atomic<std::uint32_t> fresh_ = 0;  // records ever handed out
  sys::IndexStack free_;
  // Claim() looks at one of the two and puts what is still in use into the other, until the one is
  // empty: so records of threads that live on do not hide the others.
  sys::IndexStack retired_[2];
  std::atomic<std::uint32_t> looked_at_ = 0;  // which of the two
  std::atomic<std::uint32_t> kept_ = 0;
};

}  // namespace limpet
