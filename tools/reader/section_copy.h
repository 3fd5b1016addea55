// The header of a segment, checked, and copies of its sections.
//
//   file:   | header | ... | entry 0 | entry 1 | ... | entry used-1 |  (hole)  |
//   copy:                  [ entry 0 | entry 1 | ... | entry used-1 ]
//
// An entry of the file may be longer than the struct that this reader knows: a newer target
// appended fields. The known prefix is read, the rest is passed over. One may be shorter than the
// struct where an older target had fewer fields: those are zero.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/layout/segment.h"
#include "tools/reader/segment_file.h"

namespace limpet {

// No section of a real segment comes near it; it bounds what a forged sparse file makes us read.
constexpr std::uint64_t kMaxSectionBytes = std::uint64_t{4} << 30;

// Reads the header and refuses, in words, what is no segment, is of another version, or whose
// section directory does not fit the file.
absl::Status ReadHeader(const SegmentFile& file, SegmentHeader& header);

// Entries [0, count) of one section, at `offset` in the file.
struct SectionRange {
  std::uint64_t offset = 0;
  std::uint64_t entry_bytes = 1;
  std::uint64_t count = 0;
};

// Of a header that ReadHeader accepted. A section that the segment does not have is an empty one.
SectionRange FindSection(const SegmentHeader& header, SectionKind kind);

class SectionCopy {
 public:
  static absl::StatusOr<SectionCopy> Read(const SegmentFile& file, const SectionRange& range);

  std::uint64_t count() const { return range_.count; }
  const SectionRange& range() const { return range_; }
  const char* entry(std::uint64_t index) const {
    return bytes_.data() + index * range_.entry_bytes;
  }

  char* entry(std::uint64_t index) { return bytes_.data() + index * range_.entry_bytes; }

  // Slots hold atomics, which have no copy constructor; their bytes are copied into a private slot,
  // which is a new one.
  template <typename Slot>
  void CopyEntry(std::uint64_t index, Slot& slot) const {
    std::memcpy(static_cast<void*>(&slot), entry(index),
                std::min<std::size_t>(sizeof(Slot), range_.entry_bytes));
  }

 private:
  SectionRange range_;
  std::vector<char> bytes_;
};

}  // namespace limpet
