// What taking a lock for reading notes, and leaving it, in line: a store where taking it costs a
// locked instruction.
//
//   rdlock ─▶ ReadHolds += lock        unlock ─▶ ReadHolds -= lock        (the thread's own line)
//
// Runs: target hot path.  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/read_holds.h"
#include "runtime/thread_context.h"
#include "runtime/wait_stack.h"

namespace limpet::session {

// In the first place that has `from`. A handler in between that keeps a lock has the place.
[[gnu::always_inline]] inline void Replace(ReadHolds& holds, std::uint64_t from, std::uint64_t to) {
  for (std::atomic<std::uint64_t>& lock : holds.locks) {
    if (lock.load(std::memory_order_relaxed) != from) continue;
    return lock.store(to, std::memory_order_relaxed);
  }
}

[[gnu::always_inline]] inline void OnReadLocked(std::uint64_t lock) {
  ThreadContext& thread = t_thread;
  if (MayShow(thread)) Replace(thread.record->slot->read_holds, 0, lock);
}

// Before it, of a lock that may be held for writing instead.
[[gnu::always_inline]] inline void OnReadUnlock(std::uint64_t lock) {
  ThreadContext& thread = t_thread;
  if (MayShow(thread)) Replace(thread.record->slot->read_holds, lock, 0);
}

}  // namespace limpet::session
