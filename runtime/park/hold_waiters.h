// Whether a thread waits, where our hooks see it, for what another holds: a lock, or a futex that
// may be one.
//
//   waits:     counts[hash(object)] + 1 ........ - 1
//   releases:  0? nobody is to be told when, and by whom
//
// A lock's own word says that somebody waits also where that is part of another wait: who is
// signalled takes the mutex again inside of pthread_cond_wait. Such a release is nobody's, and
// twice a turn it would be a hundredth of what two threads do that hand a condition to each other.
//
// Two objects of one count, a wait that nobody saw end, and a fork while others wait make a release
// be noted that nobody asks for, never the other way round. The waiter counts before it sets the
// lock's word, and who releases reads the word before the count.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

namespace limpet {

class HoldWaiters {
 public:
  void Enter(std::uint64_t object) { CountOf(object).fetch_add(1, std::memory_order_relaxed); }
  void Leave(std::uint64_t object) { CountOf(object).fetch_sub(1, std::memory_order_relaxed); }
  bool AreThereFor(std::uint64_t object) const {
    return counts_[IndexOf(object)].load(std::memory_order_relaxed) != 0;
  }

 private:
  static constexpr int kBits = 10;
  static std::uint64_t IndexOf(std::uint64_t object) {
    return object * 0x9E3779B97F4A7C15U >> (64 - kBits);
  }
  std::atomic<std::uint32_t>& CountOf(std::uint64_t object) { return counts_[IndexOf(object)]; }

  std::atomic<std::uint32_t> counts_[1U << kBits] = {};
};

// Of the process.
inline constinit HoldWaiters g_hold_waiters;

}  // namespace limpet
