#include "tools/reader/segment_copy.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"
#include "tools/reader/allocation_copy.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/thread_copy.h"

namespace limpet {
namespace {

constexpr std::uint64_t kChunkBytes = 128 << 10;  // of slots, two copies are held

constexpr SectionKind kSlotKinds[] = {SectionKind::kAllocations, SectionKind::kMappings,
                                      SectionKind::kThreads};
constexpr SectionKind kReferredKinds[] = {SectionKind::kSites, SectionKind::kStackNodes,
                                          SectionKind::kModules, SectionKind::kStrings};

const SlotRules& RulesOf(SectionKind kind) {
  return kind == SectionKind::kThreads ? kThreadRules : kAllocationRules;
}

bool IsZero(absl::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

bool IsKnown(SectionKind kind) {
  return kind == SectionKind::kNone ||
         std::find(std::begin(kSlotKinds), std::end(kSlotKinds), kind) != std::end(kSlotKinds) ||
         std::find(std::begin(kReferredKinds), std::end(kReferredKinds), kind) !=
             std::end(kReferredKinds);
}

absl::string_view FirstPage(std::uint64_t offset, absl::string_view bytes) {
  return bytes.substr(0, static_cast<std::size_t>(kSegmentPageBytes - offset % kSegmentPageBytes));
}

// Bytes of the pages at the front that are all zeros, or all not: what holds nothing takes no room.
std::size_t RunBytes(std::uint64_t offset, absl::string_view bytes, bool is_hole) {
  std::size_t run = 0;
  while (run < bytes.size()) {
    const absl::string_view page = FirstPage(offset + run, bytes.substr(run));
    if (IsZero(page) != is_hole) break;
    run += page.size();
  }
  return run;
}

// One copying of one file.
class Copying {
 public:
  Copying(SegmentFile file, const CopyMoment& moment, const SegmentSink& sink)
      : file_(std::move(file)), moment_(moment), sink_(sink) {}

  absl::Status Run() {
    absl::Status status = ReadHeader(file_, header_);
    if (status.ok()) status = sink_.set_bytes(header_.segment_bytes);
    if (status.ok()) status = CopyUnknownSections();
    for (SectionKind kind : kSlotKinds) {
      if (status.ok()) status = CopySlots(kind);
    }
    if (status.ok()) status = ReadHeaderAgain();
    for (SectionKind kind : kReferredKinds) {
      if (status.ok()) status = CopyRange(FindSection(header_, kind));
    }
    return status.ok() ? WriteHeader() : status;
  }

 private:
  // Of a newer target.
  absl::Status CopyUnknownSections() {
    absl::Status status;
    for (std::size_t index = 0; index < header_.section_count && status.ok(); ++index) {
      const SectionKind kind = header_.sections[index].kind;
      if (!IsKnown(kind)) status = CopyRange(FindSection(header_, kind));
    }
    return status;
  }

  absl::Status CopySlots(SectionKind kind) {
    const SectionRange range = FindSection(header_, kind);
    std::uint64_t offset = range.offset;
    const auto write = [&](const SectionCopy& part) {
      const std::uint64_t bytes = part.count() * range.entry_bytes;
      absl::Status status = Write(offset, {part.entry(0), bytes});
      offset += bytes;
      return status;
    };
    absl::Status status = CheckBytes(range);
    if (!status.ok()) return status;
    return VisitSlots(file_, range, kChunkBytes / range.entry_bytes, RulesOf(kind), write);
  }

  // Slots that were added since have a place in the copy, but are free there.
  absl::Status ReadHeaderAgain() {
    const std::uint64_t segment_bytes = header_.segment_bytes;
    absl::Status status = ReadHeader(file_, header_);
    if (status.ok() && header_.segment_bytes != segment_bytes) {
      return absl::DataLossError(absl::StrFormat("%s: the segment had %d bytes, and has %d now",
                                                 file_.path(), segment_bytes,
                                                 header_.segment_bytes));
    }
    return status;
  }

  absl::Status CheckBytes(const SectionRange& range) const {
    if (range.count <= kMaxSectionBytes / range.entry_bytes) return absl::OkStatus();
    return absl::DataLossError(absl::StrFormat(
        "%s: a section of %d entries of %d bytes is more than the %d that limpet copies",
        file_.path(), range.count, range.entry_bytes, kMaxSectionBytes));
  }

  absl::Status CopyRange(const SectionRange& range) {
    absl::Status status = CheckBytes(range);
    return status.ok() ? CopyBytes(range.offset, range.count * range.entry_bytes) : status;
  }

  absl::Status CopyBytes(std::uint64_t offset, std::uint64_t bytes) {
    std::vector<char> chunk(static_cast<std::size_t>(std::min(bytes, kChunkBytes)));
    while (bytes > 0) {
      const std::size_t now =
          static_cast<std::size_t>(std::min<std::uint64_t>(bytes, chunk.size()));
      absl::Status status = file_.ReadAt(offset, chunk.data(), now);
      if (status.ok()) status = Write(offset, {chunk.data(), now});
      if (!status.ok()) return status;
      offset += now;
      bytes -= now;
    }
    return absl::OkStatus();
  }

  absl::Status Write(std::uint64_t offset, absl::string_view bytes) {
    while (!bytes.empty()) {
      const bool is_hole = IsZero(FirstPage(offset, bytes));
      const absl::string_view run = bytes.substr(0, RunBytes(offset, bytes, is_hole));
      absl::Status status = is_hole ? absl::OkStatus() : sink_.write_at(offset, run);
      if (!status.ok()) return status;
      offset += run.size();
      bytes.remove_prefix(run.size());
    }
    return absl::OkStatus();
  }

  // Last, so that a copy that was cut off is no segment; and as it was checked. What a newer target
  // wrote behind it is copied as it is.
  absl::Status WriteHeader() {
    Stamp();
    const std::uint64_t known = std::min<std::uint64_t>(header_.header_bytes, sizeof(header_));
    absl::Status status = CopyBytes(known, header_.header_bytes - known);
    if (!status.ok()) return status;
    return Write(0, {reinterpret_cast<const char*>(&header_), static_cast<std::size_t>(known)});
  }

  // An older target's header ends before, and has mostly nothing behind it in its page.
  void Stamp() {
    header_.copied_unix_ns = moment_.unix_ns;
    header_.copied_monotonic_ns = moment_.monotonic_ns;
    for (std::size_t index = 0; index < header_.section_count; ++index) {
      const SectionEntry& section = header_.sections[index];
      if (section.kind != SectionKind::kNone && section.offset < sizeof(header_)) return;
    }
    header_.header_bytes = std::max<std::uint32_t>(header_.header_bytes, sizeof(header_));
  }

  SegmentFile file_;
  const CopyMoment& moment_;
  const SegmentSink& sink_;
  SegmentHeader header_{};
};

}  // namespace

absl::Status CopySegment(const std::string& path, const CopyMoment& moment,
                         const SegmentSink& sink) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(path);
  if (!file.ok()) return file.status();
  return Copying(std::move(*file), moment, sink).Run();
}

}  // namespace limpet
