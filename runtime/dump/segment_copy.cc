#include "runtime/dump/segment_copy.h"

#include <errno.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "runtime/layout/allocation_slot.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::RawSyscall;

constexpr SectionKind kSlotKinds[] = {SectionKind::kAllocations, SectionKind::kMappings};
constexpr SectionKind kReferredKinds[] = {
    SectionKind::kEvents,     SectionKind::kReleases, SectionKind::kSites,  SectionKind::kThreads,
    SectionKind::kStackNodes, SectionKind::kModules,  SectionKind::kStrings};
constexpr std::uint64_t kPartSlots = 64;  // 3 KiB of the stack
constexpr int kTriesPerSlot = 4;

const char* At(const SegmentHeader& header, std::uint64_t offset) {
  return reinterpret_cast<const char*>(&header) + offset;
}

long WriteAt(int file, std::uint64_t offset, const void* bytes, std::uint64_t count) {
  const char* next = static_cast<const char*>(bytes);
  while (count > 0) {
    long written = RawSyscall(SYS_pwrite64, file, AsArgument(next), static_cast<long>(count),
                              static_cast<long>(offset));
    if (written <= 0) return written < 0 ? written : -EIO;
    next += written;
    offset += static_cast<std::uint64_t>(written);
    count -= static_cast<std::uint64_t>(written);
  }
  return 0;
}

const SectionEntry* Find(const SegmentHeader& header, SectionKind kind) {
  for (std::size_t i = 0; i < header.section_count; ++i) {
    if (header.sections[i].kind == kind) return &header.sections[i];
  }
  return nullptr;
}

std::uint64_t UsedOf(const SectionEntry& section) {
  std::uint64_t used = section.used.load(std::memory_order_acquire);
  return used < section.capacity ? used : section.capacity;
}

template <class T>
void CopyField(const std::atomic<T>& from, std::atomic<T>* to) {
  // Acquire: the generation is read again behind all of them.
  to->store(from.load(std::memory_order_acquire), std::memory_order_relaxed);
}

// True: nothing changed it meanwhile.
bool TryCopySlot(const AllocationSlot& from, AllocationSlot* to) {
  std::uint32_t before = from.generation.load(std::memory_order_acquire);
  CopyField(from.address, &to->address);
  CopyField(from.requested_bytes, &to->requested_bytes);
  CopyField(from.weight, &to->weight);
  CopyField(from.time_ns, &to->time_ns);
  CopyField(from.stack, &to->stack);
  CopyField(from.thread_id, &to->thread_id);
  bool is_whole = before % 2 == 0 && from.generation.load(std::memory_order_relaxed) == before;
  to->generation.store(is_whole ? before : before | 1, std::memory_order_relaxed);
  return is_whole;
}

void CopySlot(const AllocationSlot& from, AllocationSlot* to) {
  int tries = 0;
  while (!TryCopySlot(from, to) && ++tries < kTriesPerSlot) {
  }
}

long CopySlots(const SegmentHeader& header, const SectionEntry& section, int file) {
  AllocationSlot part[kPartSlots] = {};
  auto* slots = reinterpret_cast<const AllocationSlot*>(At(header, section.offset));
  std::uint64_t used = UsedOf(section);
  long result = 0;
  for (std::uint64_t first = 0; first < used && result == 0; first += kPartSlots) {
    std::uint64_t count = used - first < kPartSlots ? used - first : kPartSlots;
    for (std::uint64_t i = 0; i < count; ++i) CopySlot(slots[first + i], &part[i]);
    result = WriteAt(file, section.offset + first * sizeof(AllocationSlot), part,
                     count * sizeof(AllocationSlot));
  }
  return result;
}

long CopyEntries(const SegmentHeader& header, const SectionEntry& section, int file) {
  return WriteAt(file, section.offset, At(header, section.offset),
                 UsedOf(section) * section.entry_bytes);
}

template <std::size_t kCount, class Copy>
long CopyEach(const SegmentHeader& header, const SectionKind (&kinds)[kCount], int file,
              Copy copy) {
  long result = 0;
  for (SectionKind kind : kinds) {
    const SectionEntry* section = Find(header, kind);
    if (result == 0 && section != nullptr) result = copy(header, *section, file);
  }
  return result;
}

}  // namespace

std::uint64_t UsedBytes(const SegmentHeader& header) {
  std::uint64_t bytes = kSegmentPageBytes;
  for (std::size_t i = 0; i < header.section_count; ++i)
    bytes += UsedOf(header.sections[i]) * header.sections[i].entry_bytes;
  return bytes;
}

long CopySegment(const SegmentHeader& header, int file) {
  long result = RawSyscall(SYS_ftruncate, file, static_cast<long>(header.segment_bytes));
  if (result == 0) result = CopyEach(header, kSlotKinds, file, CopySlots);
  if (result == 0) result = CopyEach(header, kReferredKinds, file, CopyEntries);
  return result == 0 ? WriteAt(file, 0, &header, header.header_bytes) : result;
}

}  // namespace limpet
