// One thread of the traced process: who it is and, once waits are traced, what it waits for.
//
// `sequence` is odd while the owner writes the waiting part; a reader retries a bounded number of
// times, because a killed writer leaves it odd for ever.
//
// Runs: target hot path (slow side) | companion.  Threads: written by its own thread only.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/counters.h"
#include "runtime/layout/stack_node.h"

namespace limpet {

enum class ThreadState : std::uint32_t { kFree = 0, kRunning = 1, kParked = 2, kExited = 3 };

struct ThreadSlot {
  std::atomic<std::uint32_t> sequence;
  std::atomic<ThreadState> state;
  std::atomic<std::uint32_t> thread_id;  // kernel's tid
  std::atomic<std::uint32_t> reason;     // of the park, 0: none
  std::atomic<std::uint64_t> object;     // address waited on
  std::atomic<std::uint64_t> since_ns;   // CLOCK_MONOTONIC
  std::atomic<std::uint64_t> started_ns;
  std::atomic<std::uint64_t> park_count;
  std::atomic<std::uint64_t> parked_ns;  // finished parks
  std::atomic<StackId> stack;            // of the park
  std::atomic<StackId> creation_stack;
  std::atomic<std::uint32_t> creator_thread_id;
  std::atomic<std::uint32_t> descriptor;
  char name[16];
  std::uint64_t reserved[4];
  WorkCounters work;  // of all threads that ever had this slot
};
static_assert(sizeof(ThreadSlot) == 160 && std::is_standard_layout_v<ThreadSlot>);

}  // namespace limpet
