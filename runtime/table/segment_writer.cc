#include "runtime/table/segment_writer.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

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
  for (auto& word : reserved_) {
    if (word.load(std::memory_order_relaxed) != 0) word.store(0, std::memory_order_relaxed);
  }
  refusals_.store(0, std::memory_order_relaxed);
  leased_bytes_.store(kFirstLeaseBytes, std::memory_order_relaxed);
  is_poisoned_.store(false, std::memory_order_relaxed);
  if (!Populate(0)) {
    sys::UnmapPages(header_, mapped_bytes_);
    header_ = nullptr;
    return false;
  }
  reserved_[0].store(1, std::memory_order_relaxed);
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
  header->counters.reserved_bytes.store(kChunkBytes, std::memory_order_relaxed);
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

bool SegmentWriter::Reserve(std::uint64_t offset, std::uint64_t bytes) {
  std::uint64_t last = (offset + bytes - 1) >> kChunkShift;
  for (std::uint64_t chunk = offset >> kChunkShift; chunk <= last; ++chunk) {
    std::uint64_t bit = std::uint64_t{1} << (chunk % 64);
    bool is_reserved = (reserved_[chunk / 64].load(std::memory_order_relaxed) & bit) != 0;
    if (!is_reserved && !ReserveChunk(chunk)) return false;
  }
  return true;
}

bool SegmentWriter::ReserveChunk(std::uint64_t chunk) {
  std::uint32_t refusals = refusals_.load(std::memory_order_relaxed);
  if (refusals % kRefusalsPerRetry != 0) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (!HasRoomForChunk() || !Populate(chunk)) {
    refusals_.fetch_add(1, std::memory_order_relaxed);
    counters().reservation_failures.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  std::uint64_t bit = std::uint64_t{1} << (chunk % 64);
  std::uint64_t before = reserved_[chunk / 64].fetch_or(bit, std::memory_order_relaxed);
  if ((before & bit) == 0)
    counters().reserved_bytes.fetch_add(kChunkBytes, std::memory_order_relaxed);
  return true;
}

std::uint64_t SegmentWriter::LeaseBytes() const {
  std::uint64_t share = mapped_bytes_ / kLeasesPerLife;
  if (share > kMaxLeaseBytes) return kMaxLeaseBytes;
  return share < kChunkBytes ? kChunkBytes : share;
}

// Other segments grow as well, so it is asked again and again, but not for every chunk.
bool SegmentWriter::HasRoomForChunk() {
  std::uint64_t wanted = counters().reserved_bytes.load(std::memory_order_relaxed) + kChunkBytes;
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

// Backs a chunk with memory, or says why not. Kernels before 5.14 do not know the advice; there
// reading our own pages through the kernel has the same effect, again with an error instead of a
// signal.
bool SegmentWriter::Populate(std::uint64_t chunk) const {
  std::uint64_t start = base() + (chunk << kChunkShift);
  std::uint64_t end = base() + mapped_bytes_;
  std::uint64_t bytes = end - start < kChunkBytes ? end - start : kChunkBytes;
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
