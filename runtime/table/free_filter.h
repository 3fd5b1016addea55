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
  void Pin(const void* address);

  // Has every free looked at, also in forked children; for when every allocation is recorded, so
  // that the counters are not worth their keeping.
  void PinAll();

  // From now on the kernel clears it in forked children, but for pages where something is pinned:
  // they neither copy it nor have to go through it, and their parent's pages stay its own.
  void WipeOnFork();

  // In a forked child: forgets all but what is pinned.
  void ClearInChild();

 private:
  static constexpr int kIndexBits = 18;
  static constexpr int kGranuleBits = 6;  // addresses of one cache line share a counter
  static constexpr std::uint8_t kStuck = 255;
  static constexpr int kPageBits = 12;
  static constexpr int kPages = 1 << (kIndexBits - kPageBits);
  static_assert(kPages <= 64, "a bit a page");

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

  void AdviseFork(int page, int pages, int advice);
  void ClearPage(int page);

  // First, at the beginning of a page.
  alignas(1 << kPageBits) std::atomic<std::uint8_t> counts_[std::size_t{1} << kIndexBits] = {};
  std::atomic<std::uint64_t> kept_pages_ = 0;  // a bit a page where something is pinned
  std::atomic<bool> is_wiped_ = false;         // the other pages are, in forked children
};

// The process's filter, probed by every free; apart from the tracer so that this path sees nothing
// else.
[[gnu::visibility("hidden")]] extern constinit FreeFilter g_free_filter;

}  // namespace limpet
