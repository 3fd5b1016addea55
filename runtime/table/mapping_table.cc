#include "runtime/table/mapping_table.h"

namespace limpet {
namespace {

constexpr int kLockAttempts = 1000;

std::uint64_t AddressOf(const AllocationSlot& slot) {
  return slot.address.load(std::memory_order_relaxed);
}
std::uint64_t EndOf(const AllocationSlot& slot) {
  return AddressOf(slot) + slot.requested_bytes.load(std::memory_order_relaxed);
}

// The generation doubles as the slot's lock: odd means that somebody writes.
bool TryLock(AllocationSlot* slot) {
  for (int i = 0; i < kLockAttempts; ++i) {
    std::uint32_t generation = slot->generation.load(std::memory_order_relaxed);
    if (generation % 2 != 0) continue;
    if (slot->generation.compare_exchange_weak(generation, generation + 1,
                                               std::memory_order_acquire))
      return true;
  }
  return false;
}

void Unlock(AllocationSlot* slot) { slot->generation.fetch_add(1, std::memory_order_release); }

void Fill(AllocationSlot* slot, const SampledBlock& mapping) {
  slot->requested_bytes.store(mapping.requested_bytes, std::memory_order_release);
  slot->weight.store(mapping.weight, std::memory_order_release);
  slot->time_ns.store(mapping.time_ns, std::memory_order_release);
  slot->stack.store(mapping.stack, std::memory_order_release);
  slot->thread_id.store(mapping.thread_id, std::memory_order_release);
  slot->address.store(mapping.address, std::memory_order_release);
}

}  // namespace

void MappingTable::Attach(SegmentWriter* segment) {
  segment_ = segment;
  slots_ = segment->Entries<AllocationSlot>(SectionKind::kMappings);
  section_ = &segment->Section(SectionKind::kMappings);
}

void MappingTable::Insert(const SampledBlock& mapping) {
  AllocationSlot* slot = TakeSlot();
  if (slot == nullptr) {
    segment_->counters().dropped_mappings_full.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  Fill(slot, mapping);
  Unlock(slot);
}

// A free slot, locked.
AllocationSlot* MappingTable::TakeSlot() {
  std::uint64_t used = section_->used.load(std::memory_order_relaxed);
  for (std::uint64_t i = 0; i < used; ++i) {
    if (AddressOf(slots_[i]) != 0 || !TryLock(&slots_[i])) continue;
    if (AddressOf(slots_[i]) == 0) return &slots_[i];
    Unlock(&slots_[i]);
  }
  std::uint64_t fresh = 0;
  while (segment_->Claim(*section_, 1, &fresh)) {
    AllocationSlot* slot = &slots_[fresh];
    if (!TryLock(slot)) return nullptr;
    if (AddressOf(*slot) == 0) return slot;
    Unlock(slot);  // a thread that was looking for a free slot took it first
  }
  return nullptr;
}

bool MappingTable::Holds(std::uint64_t address) const {
  std::uint64_t used = section_->used.load(std::memory_order_relaxed);
  for (std::uint64_t i = 0; i < used; ++i) {
    if (AddressOf(slots_[i]) <= address && address < EndOf(slots_[i])) return true;
  }
  return false;
}

void MappingTable::RemoveRange(std::uint64_t address, std::uint64_t bytes) {
  std::uint64_t end = address + bytes;
  if (bytes == 0) return;
  std::uint64_t used = section_->used.load(std::memory_order_relaxed);
  for (std::uint64_t i = 0; i < used; ++i) {
    AllocationSlot* slot = &slots_[i];
    if (AddressOf(*slot) == 0 || AddressOf(*slot) >= end || EndOf(*slot) <= address) continue;
    if (TryLock(slot))
      Cut(slot, address, end);
    else
      segment_->counters().dropped_mappings_full.fetch_add(1, std::memory_order_relaxed);
  }
}

SampledBlock MappingTable::Part(const AllocationSlot& slot, std::uint64_t address,
                                std::uint64_t end) {
  return {.address = address,
          .requested_bytes = end - address,
          .weight = slot.weight.load(std::memory_order_relaxed),
          .time_ns = slot.time_ns.load(std::memory_order_relaxed),
          .stack = slot.stack.load(std::memory_order_relaxed),
          .thread_id = slot.thread_id.load(std::memory_order_relaxed)};
}

// Takes [address, end) out of a locked slot and unlocks it. What is left in front stays in the
// slot, what is left behind gets one of its own.
void MappingTable::Cut(AllocationSlot* slot, std::uint64_t address, std::uint64_t end) {
  std::uint64_t start = AddressOf(*slot);
  std::uint64_t stop = EndOf(*slot);
  // It was looked at before it was locked; meanwhile it may have become another mapping.
  if (start == 0 || start >= end || stop <= address) return Unlock(slot);
  SampledBlock behind = Part(*slot, end, stop > end ? stop : end);
  if (start < address)
    slot->requested_bytes.store(address - start, std::memory_order_release);
  else if (stop > end)
    Fill(slot, behind);
  else
    slot->address.store(0, std::memory_order_release);
  Unlock(slot);
  if (start < address && stop > end) Insert(behind);
}

}  // namespace limpet
