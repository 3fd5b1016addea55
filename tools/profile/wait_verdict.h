// Which waits never end, and who holds others up.
//
//   2 ──▶ 3 ──▶ 2            deadlock: each waits for what the next one holds, or for its end
//   4 ──▶ 4                  deadlock of one: it waits for what it holds itself
//   5 ──▶ (ended)            orphaned lock: who would have unlocked it is gone
//   6, 7 ──▶ 8 ──▶ 9         convoy: 9 goes on, or waits for something else, and they for it
//
// Each thread waits for one other at most, so the graph is followed, not searched. A wait with a
// timeout ends by itself: it is in no deadlock, but in a convoy.
//
// One look may show two moments as one. So all waits of a finding are the same at two looks, some
// time apart. Of the dead there is one: who waits holds on to what it has, so a ring was none for
// the microseconds at most in which a lock changed hands; of a convoy one wait must have lasted.
// Whose owner is not known (a condition, a semaphore, readers, locks of Rust) is in no finding.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tools/profile/thread_dump.h"

namespace limpet {

enum class WaitFindingKind { kDeadlock, kOrphanedLock, kConvoy };

// Threads are indexes into ThreadDump::threads.
struct WaitFinding {
  WaitFindingKind kind = WaitFindingKind::kDeadlock;
  // Deadlock: who waits for the next one, the last for the first. Orphaned lock: who wait for it.
  // Convoy: the one that the others wait for.
  std::vector<std::size_t> threads;
  std::vector<std::size_t>
      behind;  // who wait for these, at any distance; for locks first, the longest wait first
  std::uint64_t behind_ns = 0;  // their waits added up, as far as they are known
};

// Between the looks at a living process, and what a convoy of a dead one lasted at least.
inline constexpr std::uint64_t kVerdictPauseNs = 1'000'000'000;

// `before`: of the same process, kVerdictPauseNs or more before `now`. The gravest findings first.
std::vector<WaitFinding> JudgeWaits(const ThreadDump& before, const ThreadDump& now);
std::vector<WaitFinding> JudgeLastWaits(const ThreadDump& dead);

}  // namespace limpet
