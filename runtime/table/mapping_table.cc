#include "runtime/table/mapping_table.h"

#include <algorithm>

#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/mapped_pages.h"

namespace limpet {
namespace {

constexpr int kMaxHeld = 16;  // removals for slots that are held, tried at one settling

// Bytes before address: Cut() moves the start of a mapping before it takes the bytes away, so
// between both the range is too long and never too short. Pairs with its release stores.
AddressRange RangeOf(const AllocationSlot& slot) {
  std::uint64_t bytes = slot.requested_bytes.load(std::memory_order_acquire);
  std::uint64_t start = slot.address.load(std::memory_order_acquire);
  return start == 0 ? AddressRange{0, 0} : AddressRange{start, start + bytes};
}

bool IsFree(const AllocationSlot& slot) {
  return slot.address.load(std::memory_order_relaxed) == 0;
}

// The generation doubles as the slot's lock: odd means that somebody writes. Sequentially
// consistent for the sake of PostponedRemovals.
bool TryLock(AllocationSlot* slot) {
  std::uint32_t generation = slot->generation.load();
  return generation % 2 == 0 &&
         slot->generation.compare_exchange_strong(generation, generation + 1);
}

void Unlock(AllocationSlot* slot) { slot->generation.fetch_add(1); }

SampledBlock Part(const AllocationSlot& slot, const AddressRange& part) {
  return {.address = part.start,
          .requested_bytes = part.end - part.start,
          .weight = slot.weight.load(std::memory_order_relaxed),
          .time_ns = slot.time_ns.load(std::memory_order_relaxed),
          .stack = slot.stack.load(std::memory_order_relaxed),
          .thread_id = slot.thread_id.load(std::memory_order_relaxed)};
}

void Count(Counter& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

void MappingTable::Attach(SegmentWriter* segment) {
  segment_ = segment;
  slots_ = segment->Entries<AllocationSlot>(SectionKind::kMappings);
  section_ = &segment->Section(SectionKind::kMappings);
  capacity_ = section_->capacity;
  postponed_.Clear();
}

// The count lies in a file that others may write to. Relaxed: what counts is whether a slot is in
// use, and who found one cut, by RangeOf's acquire, finds the part behind it counted.
std::uint64_t MappingTable::Used() const {
  return std::min(section_->used.load(std::memory_order_relaxed), capacity_);
}

std::uint64_t MappingTable::Now() {
  std::uint64_t last = last_moment_.load(std::memory_order_relaxed);
  std::uint64_t now = 0;
  do {
    now = std::max(sys::CoarseMonotonicNs(), last + 1);
  } while (!last_moment_.compare_exchange_weak(last, now, std::memory_order_relaxed));
  return now;
}

void MappingTable::Insert(const SampledBlock& mapping) {
  AddressRange range = {mapping.address, mapping.address + mapping.requested_bytes};
  Sweep({range, mapping.time_ns});
  Put(mapping, 0);
  Settle();
}

void MappingTable::Put(const SampledBlock& mapping, std::uint64_t first_slot) {
  AllocationSlot* slot = TakeSlot(first_slot);
  if (slot == nullptr) return Count(segment_->counters().dropped_mappings_full);
  mapping.WriteTo(slot);
  Unlock(slot);
}

// A free slot, locked; nullptr: none left. One that another thread holds is as good as taken, so
// nobody is waited for.
AllocationSlot* MappingTable::TakeSlot(std::uint64_t first_slot) {
  std::uint64_t used = Used();
  for (std::uint64_t i = first_slot; i < used; ++i) {
    if (!IsFree(slots_[i]) || !TryLock(&slots_[i])) continue;
    if (IsFree(slots_[i])) return &slots_[i];
    Unlock(&slots_[i]);
  }
  std::uint64_t fresh = 0;
  while (segment_->Claim(*section_, 1, &fresh)) {
    if (!TryLock(&slots_[fresh])) continue;  // a thread that was looking for a free one took it
    if (IsFree(slots_[fresh])) return &slots_[fresh];
    Unlock(&slots_[fresh]);
  }
  return nullptr;
}

bool MappingTable::HoldsAnyOf(const AddressRange& range) const {
  std::uint64_t used = Used();
  for (std::uint64_t i = 0; i < used; ++i) {
    if (RangeOf(slots_[i]).Overlaps(range)) return true;
  }
  return false;
}

void MappingTable::RemoveRange(const AddressRange& range, std::uint64_t moment) {
  Sweep({range, moment});
  Settle();
}

void MappingTable::RemoveUnmapped(const AddressRange& range, std::uint64_t moment) {
  for (std::uint64_t i = 0; i < Used(); ++i) {
    AddressRange known = RangeOf(slots_[i]);
    AddressRange part = {std::max(known.start, range.start), std::min(known.end, range.end)};
    if (!part.IsEmpty() && !sys::IsWhollyMapped(part.start, part.end)) CutSlot(i, {part, moment});
  }
  Settle();
}

// Upwards, and Used() is asked anew each time: a thread that splits a mapping meanwhile puts the
// part behind into a higher slot before it takes it from the lower one, so that no part is missed.
void MappingTable::Sweep(const Removal& removal) {
  if (removal.range.IsEmpty()) return;
  for (std::uint64_t i = removal.first_slot; i < Used(); ++i) {
    if (RangeOf(slots_[i]).Overlaps(removal.range)) CutSlot(i, removal);
  }
}

// False: it is left to who holds the slot, or lost.
bool MappingTable::CutSlot(std::uint64_t number, const Removal& removal) {
  if (TryCut(number, removal)) return true;
  bool is_left = postponed_.Leave({removal.range, removal.moment, number});
  if (TryCut(number, removal)) return true;
  if (!is_left) Count(segment_->counters().stale_mappings);
  return false;
}

// False: another thread holds the slot, or what this signal handler interrupted.
bool MappingTable::TryCut(std::uint64_t number, const Removal& removal) {
  AllocationSlot* slot = &slots_[number];
  if (!TryLock(slot)) return false;
  // It was looked at before it was locked; meanwhile it may have become another mapping.
  bool is_older = slot->time_ns.load(std::memory_order_relaxed) < removal.moment;
  if (is_older && RangeOf(*slot).Overlaps(removal.range)) Cut(number, removal.range);
  Unlock(slot);
  return true;
}

// Does what others left to us while we held a slot. Some of it is for slots that are held by now,
// perhaps for ever, by a handler that was left by longjmp; it is left again. So that this costs
// little, and nothing starves, few of those are tried at a time, and others the next time.
void MappingTable::Settle() {
  std::uint32_t first = next_settled_.load(std::memory_order_relaxed);
  int held = 0;
  for (std::uint32_t i = 0; i < PostponedRemovals::kPlaces && !postponed_.IsEmpty(); ++i) {
    Removal removal = {};
    if (!postponed_.Take(first + i, &removal)) continue;
    if (CutSlot(removal.first_slot, removal)) {
      ++removal.first_slot;
      Sweep(removal);
    } else if (++held == kMaxHeld) {
      next_settled_.store(first + i + 1, std::memory_order_relaxed);
      return;
    }
  }
}

// Takes the range out of a locked slot. What is left in front stays in the slot; what is left
// behind does so too, or gets a higher one.
void MappingTable::Cut(std::uint64_t number, const AddressRange& range) {
  AllocationSlot* slot = &slots_[number];
  AddressRange known = RangeOf(*slot);
  bool keeps_front = known.start < range.start;
  bool keeps_back = range.end < known.end;
  if (keeps_front && keeps_back) Put(Part(*slot, {range.end, known.end}), number + 1);
  if (keeps_front) {
    slot->requested_bytes.store(range.start - known.start, std::memory_order_release);
    return;
  }
  slot->address.store(keeps_back ? range.end : 0, std::memory_order_release);
  if (keeps_back) slot->requested_bytes.store(known.end - range.end, std::memory_order_release);
}

}  // namespace limpet
