#include "tests/support/segment_builder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "runtime/layout/entry_bytes.h"

namespace limpet {
namespace {

constexpr SectionKind kKinds[] = {
    SectionKind::kStrings, SectionKind::kModules,     SectionKind::kStackNodes,
    SectionKind::kSites,   SectionKind::kAllocations, SectionKind::kMappings,
    SectionKind::kThreads, SectionKind::kEvents,      SectionKind::kReleases};
constexpr auto kUnknownKind = static_cast<SectionKind>(99);
constexpr std::uint64_t kSpareEntries = 4;  // room that was never written

std::uint64_t Weight(double objects) {
  return static_cast<std::uint64_t>(std::llround(objects * static_cast<double>(kWeightOne)));
}

std::uint64_t PageAligned(std::uint64_t bytes) {
  return (bytes + kSegmentPageBytes - 1) / kSegmentPageBytes * kSegmentPageBytes;
}

void FillHeader(SegmentHeader& header) {
  header.magic = kSegmentMagic;
  header.abi_version = kSegmentVersion;
  header.header_bytes = kSegmentPageBytes;
  header.state = SegmentState::kLive;
  header.pid = 4242;
  header.uid = 1000;
  header.start_ticks = 987654;
  header.created_unix_ns = 1'795'252'976'000'000'000;
  header.created_monotonic_ns = 5'000'000'000;
  header.sample_interval_bytes = 524288;
  std::strcpy(header.executable, "/bin/app");
  std::memcpy(header.command_line, "app\0--serve", 12);
  std::strcpy(header.dump_directory, "/var/lib/limpet");
}

}  // namespace

SegmentBuilder::SegmentBuilder() {
  Append(SectionKind::kModules, ModuleSlot{});
  for (std::uint32_t root = 0; root < kRootNodes; ++root) {
    Append(SectionKind::kStackNodes, StackNode{});
  }
  Append(SectionKind::kSites, SiteSlot{});
}

template <typename Slot>
void SegmentBuilder::Append(SectionKind kind, const Slot& slot) {
  entries_[kind].emplace_back(reinterpret_cast<const char*>(&slot), sizeof(slot));
}

std::uint32_t SegmentBuilder::Count(SectionKind kind) const {
  const auto entries = entries_.find(kind);
  return entries == entries_.end() ? 0 : static_cast<std::uint32_t>(entries->second.size());
}

std::uint32_t SegmentBuilder::AddModule(const ModuleSpec& spec) {
  ModuleSlot slot{.start = spec.start,
                  .end = spec.end,
                  .load_bias = spec.load_bias,
                  .file_offset = spec.file_offset,
                  .path_offset = static_cast<std::uint32_t>(strings_.size()),
                  .path_bytes = static_cast<std::uint32_t>(spec.path.size()),
                  .build_id_bytes = static_cast<std::uint32_t>(spec.build_id.size()),
                  .ready = spec.is_ready ? 1U : 0U};
  std::memcpy(slot.build_id, spec.build_id.data(), spec.build_id.size());
  strings_ += spec.path;
  Append(SectionKind::kModules, slot);
  return Count(SectionKind::kModules) - 1;
}

std::uint32_t SegmentBuilder::AddNode(std::uint64_t frame, std::uint32_t parent) {
  Append(SectionKind::kStackNodes, StackNode{frame, static_cast<StackId>(parent), 0});
  return Count(SectionKind::kStackNodes) - 1;
}

std::uint32_t SegmentBuilder::AddStack(const std::vector<FrameSpec>& frames, bool is_truncated) {
  std::uint32_t node = is_truncated ? 1 : 0;
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    const std::uint64_t exact = frame->is_exact ? kFrameIsExact : 0;
    node =
        AddNode(frame->address | exact | (std::uint64_t{frame->module} << kFrameModuleShift), node);
  }
  return node;
}

void SegmentBuilder::AddSite(std::uint32_t stack, const SiteSpec& spec) {
  Append(SectionKind::kSites, SiteSlot{static_cast<StackId>(stack), spec.kind, Weight(spec.objects),
                                       spec.bytes, spec.samples});
}

void SegmentBuilder::AddEvents(std::uint32_t stack, const EventSpec& spec) {
  Append(SectionKind::kEvents, EventSite{EventKey(static_cast<StackId>(stack), spec.kind),
                                         Weight(spec.events), spec.duration_ns});
}

void SegmentBuilder::AddRelease(std::uint32_t stack, const ReleaseSpec& spec) {
  ReleaseSlot slot{};
  slot.count = 1;
  slot.releases[0].object = spec.object;
  slot.releases[0].time_ns = spec.time_ns;
  slot.releases[0].who = std::uint64_t{spec.thread_number} << kReleaserShift | stack;
  Append(SectionKind::kReleases, slot);
}

void SegmentBuilder::AddAllocation(std::uint32_t stack, const AllocationSpec& spec) {
  Append(spec.is_mapping ? SectionKind::kMappings : SectionKind::kAllocations,
         AllocationSlot{.address = spec.address,
                        .generation = spec.generation,
                        .next_free = 0,
                        .requested_bytes = spec.requested_bytes,
                        .weight = Weight(spec.weight),
                        .time_ns = spec.time_ns,
                        .stack = static_cast<StackId>(stack),
                        .thread_id = spec.thread_id});
}

void SegmentBuilder::AddThread(const ThreadSpec& spec) {
  ThreadSlot slot{};
  slot.sequence = spec.sequence;
  slot.state = spec.state;
  slot.thread_id = spec.thread_id;
  slot.reason = spec.reason;
  slot.object = spec.object;
  slot.since_ns = spec.since_ns;
  slot.started_ns = spec.started_ns;
  slot.park_count = spec.park_count;
  slot.parked_ns = spec.parked_ns;
  slot.stack = static_cast<StackId>(spec.stack);
  slot.creation_stack = static_cast<StackId>(spec.creation_stack);
  slot.creator_thread_id = spec.creator_thread_id;
  slot.descriptor = spec.descriptor;
  std::memcpy(slot.name, spec.name.data(), std::min(spec.name.size(), sizeof(slot.name)));
  slot.timeout_ns = spec.timeout_ns;
  slot.number = spec.number;
  slot.creator_number = spec.creator_number;
  slot.owner_thread_id = spec.owner_thread_id;
  slot.life = spec.life;
  slot.group_ns[static_cast<int>(WaitGroup::kLock)] = spec.lock_ns;
  slot.read_holds.locks[1] = spec.read_lock;
  Append(SectionKind::kThreads, slot);
}

std::uint32_t SegmentBuilder::EntryBytesOf(SectionKind kind) const {
  if (kind == SectionKind::kStrings) return EntryBytes(kind);
  const bool is_thread = kind == SectionKind::kThreads;
  return (is_thread ? thread_bytes_ : EntryBytes(kind)) + extra_bytes_;
}

std::string SegmentBuilder::SectionBytes(SectionKind kind) const {
  if (kind == SectionKind::kStrings) return strings_;
  std::string bytes;
  const auto entries = entries_.find(kind);
  if (entries == entries_.end()) return bytes;
  for (std::string entry : entries->second) {
    entry.resize(EntryBytesOf(kind), '\xEE');
    bytes += entry;
  }
  return bytes;
}

std::string SegmentBuilder::Build() const {
  SegmentHeader header{};
  FillHeader(header);
  std::string body;
  const auto add_section = [&](SectionKind kind, std::uint32_t entry_bytes, std::string bytes) {
    SectionEntry& section = header.sections[header.section_count++];
    section.kind = kind;
    section.entry_bytes = entry_bytes;
    section.offset = kSegmentPageBytes + body.size();
    section.used = bytes.size() / entry_bytes;
    section.capacity = section.used + kSpareEntries;
    bytes.resize(PageAligned(section.capacity * entry_bytes));
    body += bytes;
  };
  if (has_unknown_section_) add_section(kUnknownKind, 7, std::string(70, '\xDD'));
  for (SectionKind kind : kKinds) {
    add_section(kind, EntryBytesOf(kind), SectionBytes(kind));
  }
  header.segment_bytes = kSegmentPageBytes + body.size();
  header.counters.work.samples = Count(SectionKind::kAllocations);
  if (change_) change_(header);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.resize(kSegmentPageBytes);
  return bytes + body;
}

void SegmentBuilder::WriteTo(const std::string& path) const {
  const std::string bytes = Build();
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace limpet
