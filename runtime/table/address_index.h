// Address -> slot of the sampled blocks, in private memory: no reader needs it.
//
//   line (64 bytes): 7 cells + link to an overflow line
//   cell = what the line leaves open of the address << 25 | slot + 1, 0: free
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
  static constexpr int kSlotBits = 25;
  static constexpr std::uint64_t kMaxSlots = (std::uint64_t{1} << kSlotBits) - 1;

  // Room for `slots` entries (kMaxSlots at most), spread over a number of home lines fit for
  // `expected` of them.
  [[nodiscard]] bool Allocate(std::uint64_t slots, std::uint64_t expected);

  enum class Entered : std::uint8_t { kFresh, kReplaced, kNoRoom };

  // Enters `address`. An entry of the same address is replaced, and its slot is in `replaced`.
  // kNoRoom: no line left.
  Entered Insert(std::uint64_t address, std::uint32_t slot, std::uint32_t* replaced) {
    const std::uint64_t entry = EntryOf(address, slot);
    Cell* free_cell = nullptr;
    // A page that is read first faults twice, and most lines of a short process are on fresh pages.
    HomeOf(address)->is_written.store(1, std::memory_order_relaxed);
    for (Line* line = HomeOf(address); line != nullptr; line = Next(*line)) {
      Cell* free_here = nullptr;
      // Backwards: of the free ones the first is kept, where Remove looks first.
#pragma GCC unroll 7
      for (int i = kCells - 1; i >= 0; --i) {
        Cell& cell = line->cells[i];
        std::uint64_t found = cell.load(std::memory_order_relaxed);
        if (found == 0) free_here = &cell;
        if (Swap(cell, found, address, entry, replaced)) return Entered::kReplaced;
      }
      if (free_cell == nullptr) free_cell = free_here;
    }
    std::uint64_t none = 0;
    // Releases; pairs with the acquire in Remove: the slot's contents are visible.
    if (free_cell != nullptr && sys::CompareExchange(*free_cell, none, entry)) [[likely]]
      return Entered::kFresh;
    return Add(address, entry) ? Entered::kFresh : Entered::kNoRoom;
  }

  // Takes `address` out and gives its slot. False: not there.
  bool Remove(std::uint64_t address, std::uint32_t* slot) {
    for (Line* line = HomeOf(address); line != nullptr; line = Next(*line)) {
#pragma GCC unroll 7
      for (Cell& cell : line->cells) {
        if (Swap(cell, cell.load(std::memory_order_acquire), address, 0, slot)) return true;
      }
    }
    return false;
  }

  void Prefetch(std::uint64_t address) const { __builtin_prefetch(HomeOf(address), 1); }

  std::uint64_t bytes() const { return line_count_ * sizeof(Line); }

 private:
  friend struct AddressIndexPeer;  // of the tests: which line an entry is in

  static constexpr int kPageBits = 12;
  static constexpr int kLineBits = 7;
  static constexpr int kGrainBits = 3;
  static constexpr std::uint64_t kMaxPage = (std::uint64_t{1} << (47 - kPageBits)) - 1;
  static_assert(kSlotBits + 47 - kPageBits + kLineBits - kGrainBits == 64);

  using Cell = std::atomic<std::uint64_t>;
  static constexpr int kCells = 7;
  struct alignas(64) Line {
    Cell cells[kCells];
    std::atomic<std::uint32_t> next;  // overflow line, 0: none
    std::atomic<std::uint32_t> is_written;
  };
  static_assert(sizeof(Line) == 64);

  // Puts `entry` into a cell that was found to be the address's, whose slot is then in `slot`.
  [[gnu::always_inline]] static bool Swap(Cell& cell, std::uint64_t found, std::uint64_t address,
                                          std::uint64_t entry, std::uint32_t* slot) {
    if (found >> kSlotBits != TagOf(address) || found == 0) return false;
    if (!sys::CompareExchange(cell, found, entry)) return false;
    *slot = static_cast<std::uint32_t>(found & kMaxSlots) - 1;
    return true;
  }
  bool Add(std::uint64_t address, std::uint64_t entry);
  bool Map(std::uint64_t inherited_bytes);

  static std::uint64_t EntryOf(std::uint64_t address, std::uint32_t slot) {
    return TagOf(address) << kSlotBits | (std::uint64_t{slot} + 1);
  }
  // The page, and the place within 128 bytes to a multiple of 8. Which 128 bytes of the page they
  // are follows from the page and the home line, so a tag in its line is the address of a block:
  // nobody need look into the slot, another cache miss. User addresses have 47 bits, unless a
  // program asks mmap for more of them (LA57).
  static std::uint64_t TagOf(std::uint64_t address) {
    return (address >> kPageBits & kMaxPage) << (kLineBits - kGrainBits) |
           (address >> kGrainBits & ((1u << (kLineBits - kGrainBits)) - 1));
  }
  std::uint64_t HomeNumber(std::uint64_t address) const {
    std::uint64_t page_hash = (address >> kPageBits) * 0x9E3779B97F4A7C15U >> 32;
    return (address >> kLineBits ^ page_hash) & home_mask_;
  }
  Line* HomeOf(std::uint64_t address) const { return &lines_[HomeNumber(address)]; }
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
