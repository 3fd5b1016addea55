#include "runtime/table/address_index.h"

#include <bit>

#include "runtime/sys/private_pages.h"

namespace limpet {
namespace {

constexpr std::uint64_t kMinHomes = 1 << 10;  // a page's 32 lines differ in the lowest bits

}  // namespace

bool AddressIndex::Allocate(std::uint64_t slots, std::uint64_t expected) {
  const std::uint64_t inherited_bytes = lines_ == nullptr ? 0 : bytes();
  // Two lines an entry, so that of eight times as many four share one and few need a second. A free
  // whose address only the filter knows looks at the whole chain.
  std::uint64_t wanted = std::bit_ceil(expected * 2);
  std::uint64_t bound = std::bit_ceil(slots / 4 + 1);
  std::uint64_t homes = wanted < bound ? wanted : bound;
  if (homes < kMinHomes) homes = kMinHomes;
  // A line stays with its home for ever, also when the home has fewer entries than it once had.
  // Were all entries always spread the same way, slots / 7 lines would do; this leaves room for
  // homes that took turns in being the fullest. It is address space; memory is only what was
  // touched.
  line_count_ = homes + slots / 2;
  home_mask_ = homes - 1;
  used_lines_.store(homes, std::memory_order_relaxed);
  return Map(inherited_bytes);
}

// Those of the process we were forked from do as well: they came to us empty.
bool AddressIndex::Map(std::uint64_t inherited_bytes) {
  if (inherited_bytes == bytes() && sys::DropPages(lines_, inherited_bytes)) return true;
  if (inherited_bytes != 0) sys::UnmapPages(lines_, inherited_bytes);
  lines_ = sys::MapPrivatePages<Line>(bytes());
  if (lines_ != nullptr) sys::WipePagesOnFork(lines_, bytes());
  return lines_ != nullptr;
}

bool AddressIndex::Add(std::uint64_t address, std::uint64_t entry) {
  for (Line* line = HomeOf(address); line != nullptr;) {
    for (Cell& cell : line->cells) {
      std::uint64_t none = 0;
      if (cell.load(std::memory_order_relaxed) != 0) continue;
      // Releases; pairs with the acquire in Swap.
      if (sys::CompareExchange(cell, none, entry)) return true;
    }
    Line* next = Next(*line);
    line = next != nullptr ? next : Append(line);
  }
  return false;
}

// Links a new line behind `line`. Where another thread was faster its line is used and ours is
// lost: one line a race, and only while the table still grows.
AddressIndex::Line* AddressIndex::Append(Line* line) {
  std::uint64_t fresh = used_lines_.load(std::memory_order_relaxed);
  do {
    if (fresh >= line_count_) return Next(*line);
  } while (!used_lines_.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed));
  std::uint32_t none = 0;
  line->next.compare_exchange_strong(none, static_cast<std::uint32_t>(fresh),
                                     std::memory_order_acq_rel);
  return Next(*line);
}

}  // namespace limpet
