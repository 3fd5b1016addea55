// Maps the segment and hands out its sections, reserving pages before anybody writes to them.
//
// Writing to an unreserved page of a full tmpfs would raise SIGBUS in the program. So every writer
// calls Reserve() first: it makes the kernel back the pages now, or say no, which is counted.
//
// Runs: target hot path (slow side).  Threads: any, after Map(); async-signal-safe.  Allocates:
// pages of the segment.
#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/layout/segment.h"
#include "runtime/table/segment_file.h"
#include "runtime/table/segment_plan.h"

namespace limpet {

class SegmentWriter {
 public:
  // Maps `file` and carves the sections; the header is filled but for what the caller knows, and
  // its state stays kBuilding until Publish(). A segment mapped before is replaced at the same
  // address, so that no pointer into it changes (fork). False: the memory is refused.
  [[nodiscard]] bool Map(const SegmentFile& file);
  void Publish() { header_->state.store(SegmentState::kLive, std::memory_order_release); }

  // Instead of Publish(), or later: what is there stays, and a reader is told that no more comes.
  void Poison();
  // Unmaps all but the header. Before Publish(), while nobody uses the segment.
  void KeepOnlyHeader();
  bool IsPoisoned() const { return is_poisoned_.load(std::memory_order_relaxed); }

  SegmentHeader* header() const { return header_; }
  SegmentCounters& counters() const { return header_->counters; }
  const SegmentPath& path() const { return path_; }

  SectionEntry& Section(SectionKind kind) const;
  template <class T>
  T* Entries(SectionKind kind) const {
    return reinterpret_cast<T*>(base() + Section(kind).offset);
  }

  // Takes the next entry of a section and reserves its pages; `count` may be more than 1 for bytes.
  // The index is below capacity, or false and nothing was taken.
  [[nodiscard]] bool Claim(SectionEntry& section, std::uint64_t count, std::uint64_t* index);

  // Reserves the entry of a section at `index`, which may be claimed already. False: no room.
  [[nodiscard]] bool ClaimAt(SectionEntry& section, std::uint64_t index);

  // Writes the first entries of a section into another file of the same size, at the same place. By
  // the kernel: a page that was given back, or that the file system cannot give, is an error for
  // it, and would be a signal for us. False: they are not all there.
  [[nodiscard]] bool CopyEntries(const SectionEntry& section, std::uint64_t count,
                                 const SegmentFile& file) const;

  // In a forked child that gets no segment of its own: its parent's is out of its reach, whatever
  // user it becomes.
  void LeaveInherited();

  // Before the file system can no longer be asked (a sandbox): leases what the rest of the
  // process's life may take, at most kLastLeaseBytes.
  void TakeLastLease();

  // At the end: frees the memory of all but the header, which keeps saying how it ended.
  void GiveBackMemory();

  [[nodiscard]] bool Reserve(std::uint64_t offset, std::uint64_t bytes);

 private:
  static constexpr int kPageShift = 12;
  static constexpr std::uint64_t kMaxPages = std::uint64_t{4} << (30 - kPageShift);
  static constexpr std::uint64_t kChunkBytes = 16 << 10;
  // Up to here page by page: a process that lives for a millisecond fills hardly one a section.
  static constexpr std::uint64_t kSmallBytes = 4 * kChunkBytes;
  static constexpr std::uint64_t kLeasesPerLife = 64;
  static constexpr std::uint64_t kMaxLeaseBytes = 1 << 20;
  static constexpr std::uint64_t kLastLeaseBytes = 16 << 20;
  static constexpr std::uint64_t kFirstLeaseBytes = 8 * kChunkBytes;  // creating it was the asking

  static constexpr std::uint64_t kMaxCopyBytes = kFirstLeaseBytes / 4;

  std::uint64_t base() const { return reinterpret_cast<std::uint64_t>(header_); }
  struct Pages {
    std::uint64_t first;
    std::uint64_t count;
  };
  Pages PagesToReserve(std::uint64_t page) const;
  bool ReservePagesOf(std::uint64_t page);
  void MarkReserved(const Pages& pages);
  void ForgetReserved();
  bool HasRoomFor(std::uint64_t bytes);
  std::uint64_t LeaseBytes() const;
  bool Populate(const Pages& pages) const;
  void FillHeader(const SegmentPlan& plan);

  SegmentHeader* header_ = nullptr;
  std::uint64_t mapped_bytes_ = 0;
  SegmentPath path_;
  SegmentPath directory_;                                     // that holds it
  std::atomic<std::uint64_t> reserved_[kMaxPages / 64] = {};  // a bit a page
  std::atomic<std::uint32_t> refusals_ = 0;
  // So many bytes may be reserved before the file system is asked again.
  std::atomic<std::uint64_t> leased_bytes_ = 0;
  // Not looked up in the header, whose page a full file system may have refused to give.
  std::atomic<bool> is_poisoned_ = false;
};

}  // namespace limpet
