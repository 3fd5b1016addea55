#include "tools/reader/section_copy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/layout/entry_bytes.h"

namespace limpet {
namespace {

// No entry of a real segment comes near it.
constexpr std::uint64_t kMaxEntryBytes = 4096;
// What the first targets of this version wrote; the fields behind were appended later.
constexpr std::size_t kFirstHeaderBytes = offsetof(SegmentHeader, watch_settings);
constexpr std::size_t kFirstThreadBytes = offsetof(ThreadSlot, read_holds);

std::uint32_t LeastEntryBytes(SectionKind kind) {
  return kind == SectionKind::kThreads ? kFirstThreadBytes : EntryBytes(kind);
}

absl::Status CheckIdentity(const SegmentFile& file, const SegmentHeader& header) {
  const bool is_building = header.state.load() == SegmentState::kBuilding;
  if (is_building && (header.magic == 0 || header.magic == kSegmentMagic)) {
    return absl::UnavailableError(absl::StrFormat(
        "%s never began: its process is still starting, or died while it made the segment",
        file.path()));
  }
  if (header.magic != kSegmentMagic) {
    return absl::DataLossError(
        absl::StrFormat("%s is no limpet segment: its first bytes are %016x, expected %016x",
                        file.path(), header.magic, kSegmentMagic));
  }
  if (header.abi_version != kSegmentVersion) {
    return absl::UnimplementedError(absl::StrFormat(
        "%s has segment version %d, this limpet reads version %d: use the limpet that came with "
        "the process's liblimpet.so",
        file.path(), header.abi_version, kSegmentVersion));
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const SegmentFile& file, const SegmentHeader& header) {
  if (header.header_bytes < kFirstHeaderBytes || header.header_bytes > header.segment_bytes) {
    return absl::DataLossError(absl::StrFormat("%s: header of %d bytes, expected %d to %d",
                                               file.path(), header.header_bytes, kFirstHeaderBytes,
                                               header.segment_bytes));
  }
  if (header.segment_bytes > file.size_bytes()) {
    return absl::DataLossError(
        absl::StrFormat("%s is cut off: the segment has %d bytes, the file %d: copy it again",
                        file.path(), header.segment_bytes, file.size_bytes()));
  }
  if (header.section_count > kMaxSections) {
    return absl::DataLossError(absl::StrFormat("%s: %d sections, at most %d are possible",
                                               file.path(), header.section_count, kMaxSections));
  }
  return absl::OkStatus();
}

absl::Status CheckSection(const SegmentFile& file, const SegmentHeader& header, std::size_t index) {
  const SectionEntry& section = header.sections[index];
  const std::uint32_t least = LeastEntryBytes(section.kind);
  if (section.entry_bytes < least || section.entry_bytes > kMaxEntryBytes) {
    return absl::DataLossError(
        absl::StrFormat("%s: section %d has entries of %d bytes, not %d to %d", file.path(), index,
                        section.entry_bytes, least, kMaxEntryBytes));
  }
  const bool is_inside =
      section.offset >= header.header_bytes && section.offset <= header.segment_bytes &&
      section.capacity <= (header.segment_bytes - section.offset) / section.entry_bytes;
  if (!is_inside) {
    return absl::DataLossError(
        absl::StrFormat("%s: section %d (%d entries of %d bytes at %d) lies outside the segment's "
                        "%d bytes",
                        file.path(), index, section.capacity, section.entry_bytes, section.offset,
                        header.segment_bytes));
  }
  return absl::OkStatus();
}

// An older target has no fields there, but perhaps its first section.
void ForgetUnwritten(SegmentHeader& header) {
  const std::size_t written = std::min<std::size_t>(header.header_bytes, sizeof(header));
  std::memset(reinterpret_cast<char*>(&header) + written, 0, sizeof(header) - written);
}

}  // namespace

absl::Status ReadHeader(const SegmentFile& file, SegmentHeader& header) {
  if (file.size_bytes() == 0) {
    return absl::UnavailableError(absl::StrFormat("%s never began: it is empty", file.path()));
  }
  absl::Status status = file.ReadAt(0, static_cast<void*>(&header), sizeof(SegmentHeader));
  if (status.ok()) status = CheckIdentity(file, header);
  if (status.ok()) status = CheckSizes(file, header);
  for (std::size_t index = 0; status.ok() && index < header.section_count; ++index) {
    if (header.sections[index].kind == SectionKind::kNone) continue;
    status = CheckSection(file, header, index);
  }
  if (status.ok()) ForgetUnwritten(header);
  return status;
}

SectionRange FindSection(const SegmentHeader& header, SectionKind kind) {
  for (std::size_t index = 0; index < header.section_count; ++index) {
    const SectionEntry& section = header.sections[index];
    if (section.kind != kind) continue;
    const std::uint64_t used = section.used.load();
    return {section.offset, section.entry_bytes, std::min(used, section.capacity)};
  }
  return {};
}

absl::StatusOr<SectionCopy> SectionCopy::Read(const SegmentFile& file, const SectionRange& range) {
  if (range.count > kMaxSectionBytes / range.entry_bytes) {
    return absl::DataLossError(
        absl::StrFormat("%s: a section of %d entries of %d bytes is more than the %d that limpet "
                        "reads",
                        file.path(), range.count, range.entry_bytes, kMaxSectionBytes));
  }
  SectionCopy copy;
  copy.range_ = range;
  copy.bytes_.resize(static_cast<std::size_t>(range.count * range.entry_bytes));
  if (range.count == 0) return copy;
  absl::Status status = file.ReadAt(range.offset, copy.bytes_.data(), copy.bytes_.size());
  if (!status.ok()) return status;
  return copy;
}

}  // namespace limpet
