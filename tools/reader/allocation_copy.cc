#include "tools/reader/allocation_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "runtime/layout/allocation_slot.h"

namespace limpet {
namespace {

constexpr int kTriesPerSlot = 4;
// Two copies are held in memory only of a part, so that a large segment does not need twice its
// size.
constexpr std::uint64_t kPartEntries = 16384;
// Slots that change between the copies are few; this many in a part mean that no target writes it.
constexpr std::uint64_t kMaxRetriedSlots = 4096;

// What a reader looks at. `next_free` belongs to the target alone and may change at any moment.
struct SlotValues {
  std::uint64_t address, requested_bytes, weight, time_ns;
  std::uint32_t stack, thread_id, generation;

  bool operator==(const SlotValues&) const = default;
  bool IsStable() const { return generation % 2 == 0; }
};

SlotValues Values(const char* entry) {
  AllocationSlot slot;
  std::memcpy(static_cast<void*>(&slot), entry, sizeof(slot));
  return {slot.address.load(),
          slot.requested_bytes.load(),
          slot.weight.load(),
          slot.time_ns.load(),
          static_cast<std::uint32_t>(slot.stack.load()),
          slot.thread_id.load(),
          slot.generation.load()};
}

using SlotBytes = std::array<char, sizeof(AllocationSlot)>;

// Nothing when no two reads in a row agree.
std::optional<SlotBytes> RetrySlot(const SegmentFile& file, std::uint64_t offset) {
  SlotBytes last{};
  SlotBytes next{};
  if (!file.ReadAt(offset, last.data(), last.size()).ok()) return std::nullopt;
  for (int attempt = 1; attempt < kTriesPerSlot; ++attempt) {
    if (!file.ReadAt(offset, next.data(), next.size()).ok()) return std::nullopt;
    const SlotValues values = Values(next.data());
    if (values == Values(last.data()) && values.IsStable()) return next;
    last = next;
  }
  return std::nullopt;
}

void MarkTorn(char* entry) {
  AllocationSlot slot;
  std::memcpy(static_cast<void*>(&slot), entry, sizeof(slot));
  slot.generation.store(slot.generation.load() | 1);
  std::memcpy(entry, static_cast<const void*>(&slot), sizeof(slot));
}

void Keep(const SlotValues& values, AllocationCopy& result) {
  if (!values.IsStable()) {
    ++result.torn_slots;
    return;
  }
  result.last_time_ns = std::max(result.last_time_ns, values.time_ns);
  if (values.address == 0) return;  // a free slot
  result.records.push_back({.address = values.address,
                            .requested_bytes = values.requested_bytes,
                            .weight = values.weight,
                            .time_ns = values.time_ns,
                            .stack = values.stack,
                            .thread_id = values.thread_id});
}

// Entries [first, first + count) of `range`.
SectionRange Part(const SectionRange& range, std::uint64_t first, std::uint64_t count) {
  return {range.offset + first * range.entry_bytes, range.entry_bytes, count};
}

absl::StatusOr<SectionCopy> ReadStable(const SegmentFile& file, const SectionRange& part) {
  absl::StatusOr<SectionCopy> first = SectionCopy::Read(file, part);
  if (!first.ok()) return first.status();
  absl::StatusOr<SectionCopy> second = SectionCopy::Read(file, part);
  if (!second.ok()) return second.status();
  std::uint64_t retried = 0;
  for (std::uint64_t index = 0; index < part.count; ++index) {
    const SlotValues values = Values(second->entry(index));
    if (values.IsStable() && values == Values(first->entry(index))) continue;
    std::optional<SlotBytes> later;
    if (++retried <= kMaxRetriedSlots) {
      later = RetrySlot(file, part.offset + index * part.entry_bytes);
    }
    if (later.has_value()) {
      std::memcpy(second->entry(index), later->data(), later->size());
    } else {
      MarkTorn(second->entry(index));
    }
  }
  return second;
}

}  // namespace

absl::Status VisitAllocations(const SegmentFile& file, const SectionRange& range,
                              std::uint64_t part_entries, const PartVisitor& visit) {
  for (std::uint64_t first = 0; first < range.count; first += part_entries) {
    const std::uint64_t count = std::min(part_entries, range.count - first);
    const absl::StatusOr<SectionCopy> part = ReadStable(file, Part(range, first, count));
    if (!part.ok()) return part.status();
    absl::Status status = visit(*part);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<AllocationCopy> CopyAllocations(const SegmentFile& file, const SectionRange& range) {
  AllocationCopy result;
  const auto keep = [&result](const SectionCopy& part) {
    for (std::uint64_t index = 0; index < part.count(); ++index) {
      Keep(Values(part.entry(index)), result);
    }
    return absl::OkStatus();
  };
  absl::Status status = VisitAllocations(file, range, kPartEntries, keep);
  if (!status.ok()) return status;
  return result;
}

}  // namespace limpet
