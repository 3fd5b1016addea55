#include "tools/reader/allocation_copy.h"

#include <algorithm>
#include <cstring>

#include "runtime/layout/allocation_slot.h"
#include "tools/reader/clock.h"

namespace limpet {
namespace {

// Two copies are held in memory only of a part, so that a large segment does not need twice its
// size.
constexpr std::uint64_t kPartEntries = 16384;

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

bool IsStable(const char* entry) { return Values(entry).IsStable(); }

bool IsSame(const char* one, const char* other) { return Values(one) == Values(other); }

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
  result.last_time_ns = std::max(result.last_time_ns, BelievedNs(values.time_ns));
  if (values.address == 0) return;  // a free slot
  result.records.push_back({.address = values.address,
                            .requested_bytes = values.requested_bytes,
                            .weight = values.weight,
                            .time_ns = values.time_ns,
                            .stack = values.stack,
                            .thread_id = values.thread_id});
}

}  // namespace

const SlotRules kAllocationRules = {sizeof(AllocationSlot), IsStable, IsSame, MarkTorn};

absl::StatusOr<AllocationCopy> CopyAllocations(const SegmentFile& file, const SectionRange& range) {
  AllocationCopy result;
  const auto keep = [&result](const SectionCopy& part) {
    for (std::uint64_t index = 0; index < part.count(); ++index) {
      Keep(Values(part.entry(index)), result);
    }
    return absl::OkStatus();
  };
  absl::Status status = VisitSlots(file, range, kPartEntries, kAllocationRules, keep);
  if (!status.ok()) return status;
  return result;
}

}  // namespace limpet
