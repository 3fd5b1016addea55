// Says of a freed address whether it may be a sample: one load on the path of every free.
//
//   count[index of address] == 0  ->  certainly none       (2^18 counters of a byte: 256 KiB)
//
//   address = | ... | 18 bits: the index | 6 bits |
//
// Addresses near each other have counters near each other, so a program's frees touch a 64th of the
// memory that it works on, however large the table is. So it can be large: at 512 KiB a sample, a
// heap of 8 GiB holds 16,384 samples, 1 in 16 counters. Where samples lie is chance, so nothing is
// gained by mixing in the upper bits.
//
// Counters, not bits: a bit that one thread clears while another sets it loses a free, and a lost
// free shows as a leak for ever. A counter that reaches 255 stays there, which costs look-ups,
// never a free.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/sys/cheap_atomic.h"

namespace limpet {

class FreeFilter {
 public:
  [[gnu::always_inline]] bool MayHold(const void* address) const {
    return counts_[IndexOf(reinterpret_cast<std::uint64_t>(address))].load(
               std::memory_order_relaxed) != 0;
  }

  // Before the block is handed to the program: whoever frees it got the address from there.
  void Add(std::uint64_t address) { Change(address, +1); }
  void Remove(std::uint64_t address) { Change(address, -1); }

  // Makes an address be looked at for ever, whatever the tables say.
  void Pin(const void* address) {
    counts_[IndexOf(reinterpret_cast<std::uint64_t>(address))].store(kStuck,
                                                                     std::memory_order_relaxed);
  }

  // Has every free looked at; for when every allocation is recorded, so that the counters are not
  // worth their keeping.
  void PinAll() {
    for (auto& count : counts_) count.store(kStuck, std::memory_order_relaxed);
  }

  // Forgets all but what is pinned or full. Only in a process that has one thread (fork).
  void Clear() {
    for (auto& count : counts_) {
      if (count.load(std::memory_order_relaxed) != kStuck)
        count.store(0, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr int kIndexBits = 18;
  static constexpr int kGranuleBits = 6;  // addresses of one cache line share a counter
  static constexpr std::uint8_t kStuck = 255;

  static std::size_t IndexOf(std::uint64_t address) {
    return address >> kGranuleBits & ((1u << kIndexBits) - 1);
  }

  void Change(std::uint64_t address, int by) {
    std::atomic<std::uint8_t>& count = counts_[IndexOf(address)];
    std::uint8_t old = count.load(std::memory_order_relaxed);
    while (old != kStuck &&
           !sys::CompareExchange(count, old, static_cast<std::uint8_t>(old + by))) {
    }
  }

  std::atomic<std::uint8_t> counts_[std::size_t{1} << kIndexBits] = {};
};

// The process's filter, probed by every free; apart from the tracer so that this path sees nothing
// else.
[[gnu::visibility("hidden")]] extern constinit FreeFilter g_free_filter;

}  // namespace limpet
