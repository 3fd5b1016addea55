// A lock-free stack of numbered entries that are linked through themselves: free slots, spare
// records.
//
//   head = { count of pushes : 32, index + 1 : 32 } -> link(index) = next index + 1, ... 0
//
// The count answers the ABA problem: Pop may read the link of an entry that another thread took
// meanwhile, and its swap then fails. Entries must stay readable for ever.
// Source: R. K. Treiber, Systems Programming: Coping with Parallelism, 1986.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/sys/cheap_atomic.h"

namespace limpet::sys {

class IndexStack {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint32_t kBroken = kNone - 1;

  // `link_of(index)` is the entry's link, a std::atomic<std::uint32_t>&.
  template <class LinkOf>
  void Push(std::uint32_t index, LinkOf link_of) {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
      link_of(index).store(static_cast<std::uint32_t>(head & kIndexMask),
                           std::memory_order_relaxed);
      next = ((head & ~kIndexMask) + kOnePush) | (std::uint64_t{index} + 1);
      // Releases: link and entry are visible to the acquire in Pop.
    } while (!CompareExchange(head_, head, next));
  }

  // kNone: empty. kBroken: a link names none of the `entries`, which may lie in memory that others
  // can write.
  template <class LinkOf>
  std::uint32_t Pop(std::uint64_t entries, LinkOf link_of) {
    std::uint64_t head = head_.load(std::memory_order_acquire);
    while ((head & kIndexMask) != 0) {
      auto index = static_cast<std::uint32_t>((head & kIndexMask) - 1);
      std::uint64_t next = link_of(index).load(std::memory_order_relaxed);
      if (next > entries) return kBroken;
      if (CompareExchange(head_, head, (head & ~kIndexMask) | next)) return index;
    }
    return kNone;
  }

  void Clear() { head_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr std::uint64_t kIndexMask = 0xffff'ffff;
  static constexpr std::uint64_t kOnePush = std::uint64_t{1} << 32;

  std::atomic<std::uint64_t> head_ = 0;
};

}  // namespace limpet::sys
