// Address -> slot of the sampled blocks, in private memory: no reader needs it.
//
//   line (64 bytes): 7 cells + link to an overflow line
//   cell = tag of the address << 32 | slot + 1, 0: free
//   home line of an address = its 128 bytes within the page, xor hash(page)
//
// Blocks near each other have cells near each other, as a program that allocates or frees in order
// wants it; blocks that begin a page, which are many where blocks are large, are spread by the
// hash.
//
// An address is in use once at a time, so a cell has one writer and one remover, and each operation
// is one compare-and-swap: no locks, safe in signal handlers, nothing to repair when a thread dies
// in the middle. Lines are never unlinked and freed cells are taken again, so deleting does not
// decay.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe, lock-free.  Allocates:
// private pages, once.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/sys/cheap_atomic.h"

namespace limpet {

class AddressIndex {
 public:
  // Room for `slots` entries, spread over a number of home lines fit for `expected` of them.
  [[nodiscard]] bool Allocate(std::uint64_t slots, std::uint64_t expected);

  enum class Entered : std::uint8_t { kFresh, kReplaced, kNoRoom };

  // Enters `address`. An entry of the same address is replaced, and its slot is in `replaced`;
  // `holds(slot)` tells whether a slot with the same tag is really that address. kNoRoom: no line
  // left.
  template <class Holds>
  Entered Insert(std::uint64_t address, std::uint32_t slot, Holds holds, std::uint32_t* replaced) {
    const std::uint64_t entry = EntryOf(address, slot);
    Cell* free_cell = nullptr;
    for (Line* line = HomeOf(address); line != nullptr; line = Next(*line)) {
#pragma GCC unroll 7
      for (int i = kCells - 1; i >= 0;
           --i) {  // the first free one is kept: Remove looks there first
        // Acquire pairs with the release that entered it: the slot's contents are visible.
        std::uint64_t found = line->cells[i].load(std::memory_order_acquire);
        if (found == 0) free_cell = &line->cells[i];
        if (Swap(line->cells[i], found, address, entry, holds, replaced)) return Entered::kReplaced;
      }
    }
    std::uint64_t none = 0;
    // Releases; pairs with the acquires here and in Remove.
    if (free_cell != nullptr && sys::CompareExchange(*free_cell, none, entry)) [[likely]]
      return Entered::kFresh;
    return Add(address, entry) ? Entered::kFresh : Entered::kNoRoom;
  }

  // Takes `address` out and gives its slot; `holds` as for Insert. False: not there.
  template <class Holds>
  bool Remove(std::uint64_t address, Holds holds, std::uint32_t* slot) {
    for (Line* line = HomeOf(address); line != nullptr; line = Next(*line)) {
#pragma GCC unroll 7
      for (Cell& cell : line->cells) {
        std::uint64_t found = cell.load(std::memory_order_acquire);
        if (Swap(cell, found, address, 0, holds, slot)) return true;
      }
    }
    return false;
  }

  void Prefetch(std::uint64_t address) const { __builtin_prefetch(HomeOf(address), 1); }

  std::uint64_t bytes() const { return line_count_ * sizeof(Line); }

 private:
  using Cell = std::atomic<std::uint64_t>;
  static constexpr int kCells = 7;
  struct alignas(64) Line {
    Cell cells[kCells];
    std::atomic<std::uint32_t> next;  // overflow line, 0: none
  };
  static_assert(sizeof(Line) == 64);

  // Puts `entry` into a cell that was found to be the address's, whose slot is then in `slot`.
  template <class Holds>
  [[gnu::always_inline]] static bool Swap(Cell& cell, std::uint64_t found, std::uint64_t address,
                                          std::uint64_t entry, Holds holds, std::uint32_t* slot) {
    if (found >> 32 != TagOf(address) || found == 0) return false;
    auto candidate = static_cast<std::uint32_t>(found) - 1;
    if (!holds(candidate) || !sys::CompareExchange(cell, found, entry)) return false;
    *slot = candidate;
    return true;
  }
  bool Add(std::uint64_t address, std::uint64_t entry);

  static std::uint64_t EntryOf(std::uint64_t address, std::uint32_t slot) {
    return TagOf(address) << 32 | (std::uint64_t{slot} + 1);
  }
  static std::uint64_t TagOf(std::uint64_t address) { return address >> 3 & 0xffff'ffff; }
  Line* HomeOf(std::uint64_t address) const {
    std::uint64_t page_hash = (address >> 12) * 0x9E3779B97F4A7C15U >> 32;
    return &lines_[(address >> 7 ^ page_hash) & home_mask_];
  }
  Line* Next(const Line& line) const {
    std::uint32_t next = line.next.load(std::memory_order_acquire);  // pairs with Append's release
    return next == 0 ? nullptr : &lines_[next];
  }
  Line* Append(Line* line);

  Line* lines_ = nullptr;
  std::uint64_t home_mask_ = 0;
  std::uint64_t line_count_ = 0;
  std::atomic<std::uint64_t> used_lines_ = 0;
};

}  // namespace limpet
