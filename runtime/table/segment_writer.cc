#include "runtime/table/segment_writer.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <bit>
#include <cstring>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

// After a refusal only every so many-th attempt asks again: a full file system must not turn each
// sample into a failing system call.
constexpr std::uint32_t kRefusalsPerRetry = 1024;

constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, Linux 5.14; older headers do not have it

}  // namespace

bool SegmentWriter::Map(const SegmentFile& file) {
  // A smaller file under an old, larger mapping would leave the parent's pages behind it.
  bool fits = header_ != nullptr && file.bytes == mapped_bytes_;
  ForgetReserved();
  if (header_ != nullptr && !fits) sys::UnmapPages(header_, mapped_bytes_);
  long address = sys::MapUnlockedPages(file.bytes, file.descriptor, fits ? header_ : nullptr);
  if (Failed(address)) {
    if (!fits) header_ = nullptr;
    return false;
  }
  header_ = reinterpret_cast<SegmentHeader*>(address);
  mapped_bytes_ = file.bytes;
  path_ = file.path;
  directory_.Clear();
  const char* name = strrchr(path_.c_str(), '/');
  if (name != nullptr)
    directory_.Append(path_.c_str(), static_cast<std::size_t>(name - path_.c_str()));
  refusals_.store(0, std::memory_order_relaxed);
  leased_bytes_.store(kFirstLeaseBytes, std::memory_order_relaxed);
  is_poisoned_.store(false, std::memory_order_relaxed);
  if (!Populate({.first = 0, .count = 1})) {
    sys::UnmapPages(header_, mapped_bytes_);
    header_ = nullptr;
    return false;
  }
  MarkReserved({.first = 0, .count = 1});
  FillHeader(PlanSegment(file.bytes));
  return true;
}

void SegmentWriter::Poison() {
  is_poisoned_.store(true, std::memory_order_relaxed);
  header_->state.store(SegmentState::kPoisoned, std::memory_order_release);
}

void SegmentWriter::KeepOnlyHeader() {
  sys::UnmapPages(reinterpret_cast<char*>(header_) + kSegmentPageBytes,
                  mapped_bytes_ - kSegmentPageBytes);
  mapped_bytes_ = kSegmentPageBytes;
}

void SegmentWriter::LeaveInherited() {
  if (header_ != nullptr) sys::UnmapPages(header_, mapped_bytes_);
  header_ = nullptr;
  is_poisoned_.store(false, std::memory_order_relaxed);
}

void SegmentWriter::FillHeader(const SegmentPlan& plan) {
  SegmentHeader* header = header_;
  header->magic = kSegmentMagic;
  header->abi_version = kSegmentVersion;
  header->header_bytes = sizeof(SegmentHeader);
  header->segment_bytes = plan.segment_bytes;
  header->section_count = kPlannedSections;
  for (std::size_t i = 0; i < kPlannedSections; ++i) {
    const SectionPlan& section = plan.sections[i];
    header->sections[i].kind = section.kind;
    header->sections[i].entry_bytes = section.entry_bytes;
    header->sections[i].offset = section.offset;
    header->sections[i].capacity = section.capacity;
  }
}

SectionEntry& SegmentWriter::Section(SectionKind kind) const {
  SectionEntry* section = header_->sections;
  while (section->kind != kind) ++section;  // every kind is planned
  return *section;
}

bool SegmentWriter::Claim(SectionEntry& section, std::uint64_t count, std::uint64_t* index) {
  std::uint64_t used = section.used.load(std::memory_order_relaxed);
  do {
    if (count > section.capacity || used > section.capacity - count) return false;
    if (!Reserve(section.offset + used * section.entry_bytes, count * section.entry_bytes))
      return false;
    // Relaxed: an entry is published by whatever refers to it, not by the count.
  } while (!section.used.compare_exchange_weak(used, used + count, std::memory_order_relaxed));
  *index = used;
  return true;
}

bool SegmentWriter::ClaimAt(SectionEntry& section, std::uint64_t index) {
  bool has_room = index < section.capacity &&
                  Reserve(section.offset + index * section.entry_bytes, section.entry_bytes);
  if (!has_room) return false;
  std::uint64_t used = section.used.load(std::memory_order_relaxed);
  while (used <= index &&
         !section.used.compare_exchange_weak(used, index + 1, std::memory_order_release)) {
  }
  return true;
}

bool SegmentWriter::CopyEntries(const SectionEntry& section, std::uint64_t count,
                                const SegmentFile& file) const {
  std::uint64_t bytes = count * section.entry_bytes;
  bool fits = file.bytes == mapped_bytes_ && count <= section.capacity && bytes <= kMaxCopyBytes;
  if (!fits) return false;
  long written =
      RawSyscall(SYS_pwrite64, file.descriptor, static_cast<long>(base() + section.offset),
                 static_cast<long>(bytes), static_cast<long>(section.offset));
  return written == static_cast<long>(bytes);
}

bool SegmentWriter::Reserve(std::uint64_t offset, std::uint64_t bytes) {
  std::uint64_t last = (offset + bytes - 1) >> kPageShift;
  for (std::uint64_t page = offset >> kPageShift; page <= last; ++page) {
    std::uint64_t bit = std::uint64_t{1} << (page % 64);
    bool is_reserved = (reserved_[page / 64].load(std::memory_order_relaxed) & bit) != 0;
    if (!is_reserved && !ReservePagesOf(page)) return false;
  }
  return true;
}

bool SegmentWriter::ReservePagesOf(std::uint64_t page) {
  std::uint32_t refusals = refusals_.load(std::memory_order_relaxed);
  if (refusals % kRefusalsPerRetry != 0) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  Pages pages = PagesToReserve(page);
  if (!HasRoomFor(pages.count << kPageShift) || !Populate(pages)) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    counters().reservation_failures.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  MarkReserved(pages);
  return true;
}

// One page, or all of its chunk.
SegmentWriter::Pages SegmentWriter::PagesToReserve(std::uint64_t page) const {
  constexpr std::uint64_t kChunkPages = kChunkBytes >> kPageShift;
  if (counters().reserved_bytes.load(std::memory_order_relaxed) < kSmallBytes)
    return {.first = page, .count = 1};
  std::uint64_t first = page / kChunkPages * kChunkPages;
  std::uint64_t left = (mapped_bytes_ >> kPageShift) - first;
  return {.first = first, .count = left < kChunkPages ? left : kChunkPages};
}

// A chunk lies within a word.
void SegmentWriter::MarkReserved(const Pages& pages) {
  std::uint64_t bits = ((std::uint64_t{1} << pages.count) - 1) << (pages.first % 64);
  std::uint64_t before = reserved_[pages.first / 64].fetch_or(bits, std::memory_order_relaxed);
  auto fresh = static_cast<std::uint64_t>(std::popcount(bits & ~before));
  counters().reserved_bytes.fetch_add(fresh << kPageShift, std::memory_order_relaxed);
}

// Words behind the mapping were never written, and had better not be touched.
void SegmentWriter::ForgetReserved() {
  std::uint64_t pages = mapped_bytes_ >> kPageShift;
  for (std::uint64_t word = 0; word * 64 < pages; ++word) {
    if (reserved_[word].load(std::memory_order_relaxed) != 0)
      reserved_[word].store(0, std::memory_order_relaxed);
  }
}

std::uint64_t SegmentWriter::LeaseBytes() const {
  std::uint64_t share = mapped_bytes_ / kLeasesPerLife;
  if (share > kMaxLeaseBytes) return kMaxLeaseBytes;
  return share < kChunkBytes ? kChunkBytes : share;
}

// Other segments grow as well, so it is asked again and again, but not for every chunk.
bool SegmentWriter::HasRoomFor(std::uint64_t bytes) {
  std::uint64_t wanted = counters().reserved_bytes.load(std::memory_order_relaxed) + bytes;
  std::uint64_t leased = leased_bytes_.load(std::memory_order_relaxed);
  if (wanted <= leased) return true;
  if (sys::IsSandboxed()) return false;
  std::uint64_t lease = LeaseBytes();
  if (RoomToGrow(directory_.c_str()) < lease) return false;
  // Where it fails another thread has asked too, and its lease is ours.
  leased_bytes_.compare_exchange_strong(leased, leased + lease, std::memory_order_relaxed);
  return true;
}

void SegmentWriter::TakeLastLease() {
  std::uint64_t room = RoomToGrow(directory_.c_str());
  std::uint64_t lease = room < kLastLeaseBytes ? room : kLastLeaseBytes;
  std::uint64_t wanted = counters().reserved_bytes.load(std::memory_order_relaxed) + lease;
  std::uint64_t leased = leased_bytes_.load(std::memory_order_relaxed);
  while (leased < wanted &&
         !leased_bytes_.compare_exchange_weak(leased, wanted, std::memory_order_relaxed)) {
  }
}

void SegmentWriter::GiveBackMemory() {
  RawSyscall(SYS_madvise, static_cast<long>(base() + kSegmentPageBytes),
             static_cast<long>(mapped_bytes_ - kSegmentPageBytes), MADV_REMOVE);
}

// Backs pages with memory, or says why not. Kernels before 5.14 do not know the advice; there
// reading our own pages through the kernel has the same effect, again with an error instead of a
// signal.
bool SegmentWriter::Populate(const Pages& pages) const {
  std::uint64_t start = base() + (pages.first << kPageShift);
  std::uint64_t bytes = pages.count << kPageShift;
  long result =
      RawSyscall(SYS_madvise, static_cast<long>(start), static_cast<long>(bytes), kPopulateWrite);
  if (result != -EINVAL || sys::IsSandboxed()) return !Failed(result);

  char sink[kChunkBytes / sys::kPageBytes];
  iovec local = {sink, bytes / sys::kPageBytes};
  iovec remote[sizeof(sink)];
  for (std::uint64_t i = 0; i < local.iov_len; ++i) {
    remote[i] = {reinterpret_cast<void*>(start + i * sys::kPageBytes), 1};
  }
  result = RawSyscall(SYS_process_vm_readv, RawSyscall(SYS_getpid), AsArgument(&local), 1,
                      AsArgument(remote), static_cast<long>(local.iov_len), 0);
  return result == static_cast<long>(local.iov_len);
}

}  // namespace limpet
