// What a thread has signalled since the coarse clock's last tick: of one place that signals one
// object again and again only the first in each tick (1-4 ms) is noted, as nobody is told more than
// who did last, from where, and when by that clock.
//
//   marks[hash(object)] = hash(object, place, epoch, tick)
//
// Finding the stack and writing it down takes a hundred nanoseconds where two threads hand a
// condition to each other, which is a hundredth of their turn. Another stack behind the same call
// within the tick is not noted either.
//
// Runs: target hot path (slow side: where somebody waits).  Threads: one owner; async-signal-safe.
// Allocates: never.
#pragma once

#include <bit>
#include <cstdint>

#include "runtime/sys/caller_frame.h"

namespace limpet {

class alignas(64) RecentSignals {
 public:
  struct Signal {
    std::uint64_t object;
    std::uint64_t tick_ns;  // by the coarse clock
    std::uint32_t epoch;    // of the segment
  };

  // True: it is to be noted. A handler in between makes one be noted once more.
  [[gnu::always_inline]] bool IsFirst(const Signal& signal, const sys::CallerFrame& caller) {
    std::uint64_t home = signal.object * kStride;
    std::uint64_t mark = (home ^ caller.return_address) * kStride;
    mark = (mark ^ caller.stack_pointer ^ std::uint64_t{signal.epoch} << kEpochShift) * kStride;
    mark ^= std::rotl(signal.tick_ns, 32);
    std::uint64_t& last = marks_[home >> (64 - kBits)];
    if (last == mark) return false;
    last = mark;
    return true;
  }

 private:
  static constexpr std::uint64_t kStride = 0x9E3779B97F4A7C15U;
  static constexpr int kEpochShift = 48;  // stack pointers are below
  static constexpr int kBits = 3;

  std::uint64_t marks_[1U << kBits];
};

}  // namespace limpet
