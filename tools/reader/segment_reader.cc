#include "tools/reader/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "runtime/layout/event_site.h"
#include "runtime/layout/module_slot.h"
#include "runtime/layout/release_slot.h"
#include "runtime/layout/segment.h"
#include "runtime/layout/site_slot.h"
#include "tools/reader/allocation_copy.h"
#include "tools/reader/clock.h"
#include "tools/reader/counter_names.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/stack_tree.h"
#include "tools/reader/thread_copy.h"

namespace limpet {
namespace {

constexpr std::uint32_t kMaxPathBytes = 4096;

// The text of a fixed field that a hostile target may have left without its NUL.
template <std::size_t kBytes>
std::string FieldText(const char (&field)[kBytes]) {
  return std::string(field, strnlen(field, kBytes));
}

// An argument may be empty; what is behind the last letter is the unused rest.
std::vector<std::string> FieldArguments(const char (&field)[512]) {
  std::size_t bytes = sizeof(field);
  while (bytes > 0 && field[bytes - 1] == '\0') --bytes;
  if (bytes == 0) return {};
  return absl::StrSplit(absl::string_view(field, bytes), '\0');
}

WatchRecord WatchOf(const SegmentHeader& header) {
  const WatchState& state = header.watch_state;
  return {.settings = header.watch_settings,
          .key = header.watch_key,
          .beat_ns = state.beat_ns.load(),
          .watcher_pid = header.watcher_pid.load(),
          .answered_requests = state.answered_requests.load(),
          .has_last_profile = state.has_last_profile.load() != 0};
}

void CopyHeaderFields(const SegmentHeader& header, SegmentSnapshot& snapshot) {
  snapshot.state = static_cast<std::uint32_t>(header.state.load());
  snapshot.pid = header.pid;
  snapshot.parent_pid = header.parent_pid;
  snapshot.uid = header.uid;
  snapshot.start_ticks = header.start_ticks;
  snapshot.pid_namespace = header.pid_namespace;
  snapshot.created_unix_ns = BelievedNs(header.created_unix_ns);
  snapshot.created_monotonic_ns = BelievedNs(header.created_monotonic_ns);
  snapshot.copied_unix_ns = BelievedNs(header.copied_unix_ns);
  snapshot.copied_monotonic_ns = BelievedNs(header.copied_monotonic_ns);
  snapshot.sample_interval_bytes = header.sample_interval_bytes;
  snapshot.block_rate_ns = header.block_rate_ns;
  snapshot.dump_signal = header.dump_signal;
  snapshot.dump_signal_state = static_cast<std::uint32_t>(header.dump_signal_state.load());
  snapshot.launch_errno = header.launch_errno.load();
  snapshot.max_bytes = header.max_bytes;
  snapshot.executable = FieldText(header.executable);
  snapshot.program = FieldText(header.program);
  snapshot.command_line = FieldArguments(header.command_line);
  snapshot.dump_directory = FieldText(header.dump_directory);
  snapshot.watch = WatchOf(header);
  snapshot.end = {.status = header.end_status, .oom_kills = header.oom_kills};
  snapshot.counters = NamedCounters(header.counters);
}

void CopyFacts(const SegmentFile& file, const SegmentHeader& header, SegmentSnapshot& snapshot) {
  CopyHeaderFields(header, snapshot);
  snapshot.node = file.node();
  snapshot.owner_uid = file.owner_uid();
  snapshot.has_given_up_rights = file.has_given_up_rights();
  snapshot.has_writer = file.HasWriter();
  snapshot.modified_unix_ns = file.modified_unix_ns();
}

// One reading of one file; each step fills its part of the snapshot.
class Reading {
 public:
  explicit Reading(SegmentFile file) : file_(std::move(file)) {}

  absl::StatusOr<SegmentSnapshot> Run() {
    absl::Status status = ReadHeader(file_, header_);
    // Of the first look: what is asked for later may want to know more than is copied then.
    snapshot_.dump_requests = header_.dump_requests.load();
    if (status.ok()) status = ReadAllocations(SectionKind::kAllocations, snapshot_.allocations);
    if (status.ok()) status = ReadAllocations(SectionKind::kMappings, snapshot_.mappings);
    // Before threads: a wait that ends in between is told nowhere, instead of twice.
    if (status.ok()) status = ReadEvents();
    if (status.ok()) status = ReadThreads();
    if (status.ok()) status = ReadReleases();
    // Again: what all these refer to may have been added since the first look.
    if (status.ok()) status = ReadHeader(file_, header_);
    if (status.ok()) status = ReadSites();
    if (status.ok()) status = ReadStacks();
    if (status.ok()) status = ReadModules();
    if (!status.ok()) return status;
    ForgetUnknownModules();
    AddWork(work_, header_.counters.work);
    CopyFacts(file_, header_, snapshot_);
    return std::move(snapshot_);
  }

 private:
  absl::StatusOr<SectionCopy> Copy(SectionKind kind) const {
    return SectionCopy::Read(file_, FindSection(header_, kind));
  }

  absl::Status ReadAllocations(SectionKind kind, std::vector<AllocationRecord>& records) {
    absl::StatusOr<AllocationCopy> copy = CopyAllocations(file_, FindSection(header_, kind));
    if (!copy.ok()) return copy.status();
    records = std::move(copy->records);
    snapshot_.torn_slots += copy->torn_slots;
    snapshot_.last_sample_ns = std::max(snapshot_.last_sample_ns, copy->last_time_ns);
    return absl::OkStatus();
  }

  absl::Status ReadSites() {
    absl::StatusOr<SectionCopy> sites = Copy(SectionKind::kSites);
    if (!sites.ok()) return sites.status();
    for (std::uint64_t index = 0; index < sites->count(); ++index) {
      SiteSlot slot;
      sites->CopyEntry(index, slot);
      if (slot.samples.load() == 0) continue;  // claimed, nothing added yet
      snapshot_.sites.push_back({.stack = static_cast<std::uint32_t>(slot.stack),
                                 .is_mapping = slot.kind == SiteKind::kMapping,
                                 .allocated_objects_weight = slot.allocated_objects.load(),
                                 .allocated_bytes = slot.allocated_bytes.load(),
                                 .samples = slot.samples.load()});
    }
    return absl::OkStatus();
  }

  // As of threads: 0 where there is none.
  static std::uint32_t KnownStack(StackId stack) {
    const auto number = static_cast<std::uint32_t>(stack);
    return number < kRootNodes ? 0 : number;
  }

  absl::Status ReadEvents() {
    absl::StatusOr<SectionCopy> events = Copy(SectionKind::kEvents);
    if (!events.ok()) return events.status();
    for (std::uint64_t index = 0; index < events->count(); ++index) {
      EventSite site;
      events->CopyEntry(index, site);
      if (site.events.load() == 0 && site.duration_ns.load() == 0)
        continue;  // free, or claimed and nothing added yet
      const std::uint64_t key = site.key.load();
      snapshot_.events.push_back({.stack = KnownStack(StackOfEvent(key)),
                                  .kind = KindOfEvent(key),
                                  .weight = site.events.load(),
                                  .duration_ns = site.duration_ns.load()});
    }
    return absl::OkStatus();
  }

  absl::Status ReadReleases() {
    absl::StatusOr<SectionCopy> slots = Copy(SectionKind::kReleases);
    if (!slots.ok()) return slots.status();
    for (std::uint64_t index = 0; index < slots->count(); ++index) {
      ReleaseSlot slot;
      slots->CopyEntry(index, slot);
      for (const ReleaseEntry& entry : slot.releases) AddRelease(entry);
    }
    return absl::OkStatus();
  }

  void AddRelease(const ReleaseEntry& entry) {
    const std::uint64_t who = entry.who.load();
    if (entry.object.load() == 0) return;
    snapshot_.releases.push_back(
        {.object = entry.object.load(),
         .time_ns = entry.time_ns.load(),
         .stack = KnownStack(StackId{static_cast<std::uint32_t>(who)}),
         .thread_number = static_cast<std::uint32_t>(who >> kReleaserShift)});
  }

  absl::Status ReadThreads() {
    absl::StatusOr<ThreadCopy> copy =
        CopyThreads(file_, FindSection(header_, SectionKind::kThreads), work_);
    if (!copy.ok()) return copy.status();
    snapshot_.threads = std::move(copy->records);
    snapshot_.torn_threads = copy->torn_slots;
    snapshot_.invalid_slots += copy->invalid_slots;
    return absl::OkStatus();
  }

  absl::Status ReadStacks() {
    absl::StatusOr<SectionCopy> nodes = Copy(SectionKind::kStackNodes);
    if (!nodes.ok()) return nodes.status();
    const StackTree tree(std::move(*nodes));
    for (const SiteRecord& site : snapshot_.sites) AddStack(tree, site.stack);
    for (const EventRecord& event : snapshot_.events) AddStack(tree, event.stack);
    for (const ReleaseRecord& release : snapshot_.releases)
      if (release.stack != 0) AddStack(tree, release.stack);
    for (const AllocationRecord& record : snapshot_.allocations) AddStack(tree, record.stack);
    for (const AllocationRecord& record : snapshot_.mappings) AddStack(tree, record.stack);
    for (const ThreadRecord& thread : snapshot_.threads) {
      if (thread.stack != 0) AddStack(tree, thread.stack);
      if (thread.creation_stack != 0) AddStack(tree, thread.creation_stack);
      if (thread.RunningStack() != 0) AddStack(tree, thread.RunningStack());
    }
    return absl::OkStatus();
  }

  void AddStack(const StackTree& tree, std::uint32_t stack) {
    auto [place, is_new] = snapshot_.stacks.try_emplace(stack);
    if (!is_new) return;
    if (std::optional<StackRecord> record = tree.Follow(stack)) {
      place->second = std::move(*record);
    } else {
      ++snapshot_.invalid_slots;
    }
  }

  absl::Status ReadModules() {
    absl::StatusOr<SectionCopy> modules = Copy(SectionKind::kModules);
    if (!modules.ok()) return modules.status();
    absl::StatusOr<SectionCopy> strings = Copy(SectionKind::kStrings);
    if (!strings.ok()) return strings.status();
    snapshot_.modules.resize(std::max<std::uint64_t>(modules->count(), 1));
    for (std::uint64_t index = 1; index < modules->count(); ++index) {
      ModuleSlot slot;
      modules->CopyEntry(index, slot);
      if (slot.ready.load() != 1) continue;
      ReadModule(slot, *strings, snapshot_.modules[index]);
    }
    return absl::OkStatus();
  }

  void ReadModule(const ModuleSlot& slot, const SectionCopy& strings, ModuleRecord& record) {
    const bool is_path_inside = slot.path_bytes <= kMaxPathBytes &&
                                slot.path_offset <= strings.count() &&
                                slot.path_bytes <= strings.count() - slot.path_offset;
    if (!is_path_inside || slot.build_id_bytes > kMaxBuildIdBytes || slot.start >= slot.end) {
      ++snapshot_.invalid_slots;
      return;
    }
    record.start = slot.start;
    record.end = slot.end;
    record.load_bias = slot.load_bias;
    record.file_offset = slot.file_offset;
    if (slot.path_bytes > 0) record.path.assign(strings.entry(slot.path_offset), slot.path_bytes);
    record.path.resize(strnlen(record.path.c_str(), record.path.size()));
    record.build_id = absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(slot.build_id), slot.build_id_bytes));
  }

  // A frame whose module is not (fully) there is one in no module: its address is all we know.
  void ForgetUnknownModules() {
    for (auto& [id, stack] : snapshot_.stacks) {
      for (FrameRecord& frame : stack.frames) {
        const bool is_known =
            frame.module < snapshot_.modules.size() && snapshot_.modules[frame.module].end != 0;
        if (!is_known) frame.module = 0;
      }
    }
  }

  SegmentFile file_;
  SegmentHeader header_{};
  WorkCounters work_{};  // of all threads
  SegmentSnapshot snapshot_;
};

}  // namespace

absl::StatusOr<SegmentSnapshot> ReadSegment(const std::string& path) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(path);
  if (!file.ok()) return file.status();
  return Reading(std::move(*file)).Run();
}

absl::StatusOr<SegmentSnapshot> ReadSegment(SegmentFile file) {
  return Reading(std::move(file)).Run();
}

absl::StatusOr<SegmentSnapshot> ReadSegmentHeader(const std::string& path) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Open(path);
  if (!file.ok()) return file.status();
  SegmentHeader header{};
  const absl::Status status = ReadHeader(*file, header);
  if (!status.ok()) return status;
  SegmentSnapshot snapshot;
  snapshot.modules.resize(1);
  snapshot.dump_requests = header.dump_requests.load();
  CopyFacts(*file, header, snapshot);
  return snapshot;
}

}  // namespace limpet
