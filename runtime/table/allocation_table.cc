#include "runtime/table/allocation_table.h"

namespace limpet {
namespace {

constexpr std::uint32_t kNoSlot = sys::IndexStack::kNone;

// A slot has one owner, so no locked instruction is needed. Release keeps it in order with the
// fields' release stores: a reader that finds the same even number before and after has a whole
// slot.
void BumpGeneration(AllocationSlot* slot) {
  std::uint32_t generation = slot->generation.load(std::memory_order_relaxed);
  slot->generation.store(generation + 1, std::memory_order_release);
}

}  // namespace

bool AllocationTable::Attach(SegmentWriter* segment, FreeFilter* filter, std::uint64_t expected) {
  segment_ = segment;
  filter_ = filter;
  slots_ = segment->Entries<AllocationSlot>(SectionKind::kAllocations);
  section_ = &segment->Section(SectionKind::kAllocations);
  capacity_ =
      section_->capacity < AddressIndex::kMaxSlots ? section_->capacity : AddressIndex::kMaxSlots;
  is_damaged_.store(false, std::memory_order_relaxed);
  free_slots_.Clear();
  return index_.Allocate(capacity_, expected);
}

bool AllocationTable::Insert(const SampledBlock& block, SpareSlot* spare) {
  std::uint32_t slot = TakeSlot(spare);
  if (slot != kNoSlot) {
    Fill(&slots_[slot], block);
    if (Enter(block.address, slot)) return true;
    Release(SlotId{slot});
  }
  segment_->counters().dropped_allocations_full.fetch_add(1, std::memory_order_relaxed);
  return false;
}

// A block that is handed out again was freed by a way that no hook sees, or is recorded by an inner
// call of the allocator already. Either way the old entry would stay for ever, so it is replaced.
bool AllocationTable::Enter(std::uint64_t address, std::uint32_t slot) {
  std::uint32_t stale = kNoSlot;
  filter_->Add(address);
  auto entered = index_.Insert(address, slot, &stale);
  if (entered != AddressIndex::Entered::kFresh) filter_->Remove(address);
  if (entered == AddressIndex::Entered::kReplaced) Release(SlotId{stale});
  return entered != AddressIndex::Entered::kNoRoom;
}

SlotId AllocationTable::Detach(std::uint64_t address) {
  std::uint32_t slot = 0;
  if (!index_.Remove(address, &slot)) return SlotId::kNone;
  filter_->Remove(address);
  return SlotId{slot};
}

bool AllocationTable::Remove(std::uint64_t address, SpareSlot* spare) {
  SlotId slot = Detach(address);
  if (slot == SlotId::kNone) return false;
  Release(slot, spare);
  return true;
}

void AllocationTable::Reattach(SlotId slot) {
  auto number = static_cast<std::uint32_t>(slot);
  // Its cell was given up a moment ago, so there is one unless another block just took it and no
  // line is left; then the block is lost as if the table had been full.
  if (Enter(slots_[number].address.load(std::memory_order_relaxed), number)) return;
  Release(slot);
  segment_->counters().dropped_allocations_full.fetch_add(1, std::memory_order_relaxed);
}

void AllocationTable::Release(SlotId slot, SpareSlot* spare) {
  auto number = static_cast<std::uint32_t>(slot);
  BumpGeneration(&slots_[number]);
  slots_[number].address.store(0, std::memory_order_release);
  BumpGeneration(&slots_[number]);
  if (spare != nullptr && spare->Put(number)) return;
  free_slots_.Give(
      number, [this](std::uint32_t at) -> auto& { return slots_[at].next_free; });
}

std::uint32_t AllocationTable::TakeSlot(SpareSlot* spare) {
  std::uint32_t slot = spare != nullptr ? spare->Take() : kNoSlot;
  if (slot == kNoSlot) slot = TakeListedSlot();
  return slot == kNoSlot || IsFree(slot) ? slot : FindDamage();
}

std::uint32_t AllocationTable::TakeListedSlot() {
  std::uint32_t slot = free_slots_.Take(
      capacity_, [this](std::uint32_t at) -> auto& { return slots_[at].next_free; });
  if (slot == sys::IndexStack::kBroken) return FindDamage();
  if (slot != kNoSlot) return slot;
  std::uint64_t fresh = 0;
  bool has_room = section_->used.load(std::memory_order_relaxed) < capacity_;
  bool is_claimed = has_room && segment_->Claim(*section_, 1, &fresh) && fresh < capacity_;
  return is_claimed ? static_cast<std::uint32_t>(fresh) : kNoSlot;
}

std::uint32_t AllocationTable::FindDamage() {
  is_damaged_.store(true, std::memory_order_relaxed);
  return kNoSlot;
}

void AllocationTable::Fill(AllocationSlot* slot, const SampledBlock& block) {
  BumpGeneration(slot);
  block.WriteTo(slot);
  BumpGeneration(slot);
}

}  // namespace limpet
