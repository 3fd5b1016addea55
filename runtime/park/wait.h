// One wait as its hook describes it, before it is known when it began and where.
//
//   poll(fds, 2, 1500) -> {kPoll, object: fds, timeout_ns: 1.5e9}
//
// Runs: target hot path (slow side).  Threads: plain data.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/thread_slot.h"
#include "runtime/layout/wait_reason.h"

namespace limpet {

struct Wait {
  WaitReason reason = WaitReason::kNone;
  std::int32_t descriptor = -1;
  std::uint64_t object = 0;
  std::uint64_t timeout_ns = kNoTimeout;
  std::uint32_t owner_thread_id = 0;
  // Made of other waits, some of which come by our hooks: they only nest, and this keeps its name.
  bool is_composite = false;
};

constexpr std::uint32_t FineReasons() {
  std::uint32_t reasons = 0;
  for (std::uint32_t number = 0; number <= static_cast<std::uint32_t>(kLastWaitReason); ++number) {
    WaitGroup group = GroupOf(WaitReason{number});
    bool is_fine = group == WaitGroup::kLock || group == WaitGroup::kCondition;
    if (is_fine) reasons |= 1U << number;
  }
  return reasons;
}
inline constexpr std::uint32_t kFineReasons = FineReasons();

// What waits for other threads is measured to the nanosecond: it is told against whom it waited for
// (profiles `block` and `mutex`), and rarely short. Of what asks the kernel for data most is ready
// at once, and a clock of 18 ns would be a third of what that costs.
constexpr bool IsTimedFinely(WaitReason reason) {
  auto number = static_cast<std::uint32_t>(reason);
  static_assert(kLastWaitReason < WaitReason{32});
  return (kFineReasons >> number & 1) != 0;
}

// Who ends it had what was waited for: a lock, or a word that may be one.
constexpr bool IsForHold(WaitReason reason) {
  constexpr std::uint32_t kHolds =
      1U << static_cast<int>(WaitReason::kMutex) | 1U << static_cast<int>(WaitReason::kReadLock) |
      1U << static_cast<int>(WaitReason::kWriteLock) | 1U << static_cast<int>(WaitReason::kFutex);
  return (kHolds >> static_cast<std::uint32_t>(reason) & 1) != 0;
}

}  // namespace limpet
