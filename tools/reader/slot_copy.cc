#include "tools/reader/slot_copy.h"

#include <algorithm>
#include <vector>

namespace limpet {
namespace {

constexpr int kTriesPerSlot = 4;
// Slots that change between the copies are few; this many in a part mean that no target writes it.
constexpr std::uint64_t kMaxRetriedSlots = 4096;

// Into `entry`. False when no two reads in a row agree.
bool RetrySlot(const SegmentFile& file, std::uint64_t offset, const SlotRules& rules, char* entry) {
  std::vector<char> last(rules.bytes);
  std::vector<char> next(rules.bytes);
  if (!file.ReadAt(offset, last.data(), last.size()).ok()) return false;
  for (int attempt = 1; attempt < kTriesPerSlot; ++attempt) {
    if (!file.ReadAt(offset, next.data(), next.size()).ok()) return false;
    if (rules.is_stable(next.data()) && rules.is_same(last.data(), next.data())) {
      std::copy(next.begin(), next.end(), entry);
      return true;
    }
    last.swap(next);
  }
  return false;
}

// Entries [first, first + count) of `range`.
SectionRange Part(const SectionRange& range, std::uint64_t first, std::uint64_t count) {
  return {range.offset + first * range.entry_bytes, range.entry_bytes, count};
}

absl::StatusOr<SectionCopy> ReadStable(const SegmentFile& file, const SectionRange& part,
                                       const SlotRules& rules) {
  absl::StatusOr<SectionCopy> first = SectionCopy::Read(file, part);
  if (!first.ok()) return first.status();
  absl::StatusOr<SectionCopy> second = SectionCopy::Read(file, part);
  if (!second.ok()) return second.status();
  std::uint64_t retried = 0;
  for (std::uint64_t index = 0; index < part.count; ++index) {
    char* const entry = second->entry(index);
    if (rules.is_stable(entry) && rules.is_same(first->entry(index), entry)) continue;
    const std::uint64_t offset = part.offset + index * part.entry_bytes;
    const bool is_whole = ++retried <= kMaxRetriedSlots && RetrySlot(file, offset, rules, entry);
    if (!is_whole) rules.mark_torn(entry);
  }
  return second;
}

}  // namespace

absl::Status VisitSlots(const SegmentFile& file, const SectionRange& range,
                        std::uint64_t part_entries, const SlotRules& rules,
                        const PartVisitor& visit) {
  for (std::uint64_t first = 0; first < range.count; first += part_entries) {
    const std::uint64_t count = std::min(part_entries, range.count - first);
    const absl::StatusOr<SectionCopy> part = ReadStable(file, Part(range, first, count), rules);
    if (!part.ok()) return part.status();
    absl::Status status = visit(*part);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace limpet
