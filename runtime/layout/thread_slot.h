// One thread of the traced process: who it is, who made it, and what it waits for.
//
//   sequence even: what is between it and the end of the waiting part belongs together
//   sequence odd:  its owner writes; a reader retries a bounded number of times, because a killed
//                  writer leaves it odd for ever
//
// The waiting part is valid while `state` is kParked: reason, object, since_ns, stack, descriptor,
// timeout_ns, owner_thread_id.
//
// Runs: target hot path (slow side) | companion.  Threads: written by its own thread, before it
// starts by its creator, at its join or detach by whoever does that; that of libc's thread for
// timers, once, by who made it.  Allocates: never.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/counters.h"
#include "runtime/layout/read_holds.h"
#include "runtime/layout/stack_node.h"
#include "runtime/layout/wait_reason.h"

namespace limpet {

enum class ThreadState : std::uint32_t { kFree = 0, kRunning = 1, kParked = 2, kExited = 3 };

// How a thread's life ends, as bits: a thread that has exited and is neither joined nor detached
// keeps its stack until the process ends.
inline constexpr std::uint32_t kThreadDetached = 1;
inline constexpr std::uint32_t kThreadJoined = 2;

// What each wait writes lies on one line of the processor's cache.
struct alignas(64) ThreadSlot {
  std::atomic<std::uint32_t> sequence;
  std::atomic<ThreadState> state;
  std::atomic<WaitReason> reason;              // of the park
  std::atomic<StackId> stack;                  // of the park
  std::atomic<std::uint64_t> object;           // address waited on, or as wait_reason.h says
  std::atomic<std::uint64_t> since_ns;         // CLOCK_MONOTONIC, coarse
  std::atomic<std::uint64_t> timeout_ns;       // that the call was given; kNoTimeout: none
  std::atomic<std::int32_t> descriptor;        // -1: none
  std::atomic<std::uint32_t> owner_thread_id;  // kernel's tid of who is waited for when the park
                                               // began: a mutex's owner; 0: unknown
  std::atomic<std::uint64_t> park_count;
  std::atomic<std::uint64_t> parked_ns;  // finished parks
  std::atomic<std::uint32_t> thread_id;  // kernel's tid
  std::atomic<std::uint32_t> number;     // 1: main thread; counts the process's threads
  std::atomic<StackId> creation_stack;   // of the call that made the thread
  std::atomic<std::uint32_t> creator_thread_id;
  std::atomic<std::uint32_t> creator_number;  // 0: unknown
  std::atomic<std::uint32_t> life;            // kThread... bits
  char name[16];
  std::atomic<std::uint64_t> started_ns;
  // Where it was when it was last asked while it ran: StackId, and in the upper half the number of
  // such answers. No part of what waits; one store.
  std::atomic<std::uint64_t> running_answer;
  WorkCounters work;                                 // of all threads that ever had this slot
  std::atomic<std::uint64_t> group_ns[kWaitGroups];  // parked_ns by WaitGroup
  // Appended later.
  ReadHolds read_holds;
};
inline constexpr int kAnswerCountShift = 32;
inline constexpr std::uint64_t kNoTimeout = ~std::uint64_t{0};
static_assert(sizeof(ThreadSlot) == 320 && offsetof(ThreadSlot, thread_id) == 64 &&
              std::is_standard_layout_v<ThreadSlot>);

}  // namespace limpet
