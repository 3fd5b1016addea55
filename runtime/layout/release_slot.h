// Who last let others go on: unlocked a lock that somebody waited for, posted a semaphore,
// signalled a condition, woke a futex.
//
//   slot = hash(object)      releases[0 .. 16): a ring of the latest, of all objects with that hash
//
// A releaser that dies while it writes leaves an entry of no object. Two that write at once take
// two entries; a reader may find one of them half written, with the time of another release.
//
// Runs: target hot path (slow side) | companion.  Threads: any writes.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/stack_node.h"

namespace limpet {

inline constexpr std::uint32_t kKeptReleases = 16;

struct ReleaseEntry {
  std::atomic<std::uint64_t> object;   // address; 0: none, or being written
  std::atomic<std::uint64_t> time_ns;  // CLOCK_MONOTONIC, just before others may go on
  std::atomic<std::uint64_t> who;      // StackId, and in the upper half the thread's number
};

struct ReleaseSlot {
  std::atomic<std::uint64_t> count;  // of all that were ever written here
  ReleaseEntry releases[kKeptReleases];
};
static_assert(sizeof(ReleaseSlot) == 392 && std::is_standard_layout_v<ReleaseSlot>);

inline constexpr int kReleaserShift = 32;

}  // namespace limpet
