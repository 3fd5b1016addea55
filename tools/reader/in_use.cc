#include "tools/reader/in_use.h"

#include <algorithm>

#include "runtime/layout/allocation_slot.h"
#include "tools/reader/section_copy.h"

namespace limpet {
namespace {

constexpr std::uint64_t kPieceEntries = 4096;

std::uint64_t BytesOf(const SectionCopy& piece) {
  std::uint64_t total = 0;
  for (std::uint64_t index = 0; index < piece.count(); ++index) {
    AllocationSlot slot;
    piece.CopyEntry(index, slot);
    const bool is_live = slot.address.load() != 0 && slot.generation.load() % 2 == 0;
    if (is_live) total += WeightedBytes(slot.requested_bytes.load(), slot.weight.load());
  }
  return total;
}

}  // namespace

absl::StatusOr<std::uint64_t> ReadInUseBytes(const SegmentFile& file, const SegmentHeader& header) {
  const SectionRange all = FindSection(header, SectionKind::kAllocations);
  std::uint64_t total = 0;
  for (std::uint64_t first = 0; first < all.count; first += kPieceEntries) {
    const SectionRange range = {all.offset + first * all.entry_bytes, all.entry_bytes,
                                std::min(kPieceEntries, all.count - first)};
    absl::StatusOr<SectionCopy> piece = SectionCopy::Read(file, range);
    if (!piece.ok()) return piece.status();
    total += BytesOf(*piece);
  }
  return total;
}

}  // namespace limpet
