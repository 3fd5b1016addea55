#include "tools/cli/dump_target.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"
#include "tools/profile/estimate.h"
#include "tools/profile/thread_lister.h"
#include "tools/reader/clock.h"
#include "tools/reader/last_seen.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_reader.h"
#include "tools/threads/living_threads.h"

namespace limpet {
namespace {

constexpr char kDefaultDirectory[] = "limpet";
constexpr auto kRetryPause = std::chrono::milliseconds(20);
constexpr auto kRetryTime = std::chrono::seconds(2);

absl::Status NotTraced(const ProcessFacts& process) {
  if (process.has_limpet.has_value()) {
    return absl::NotFoundError(absl::StrFormat(
        "process %d (%s) is not traced: start it by `limpet run -- COMMAND`, or with "
        "LD_PRELOAD=liblimpet.so",
        process.pid, process.executable));
  }
  const bool is_foreign = geteuid() != 0 && geteuid() != process.uid;
  return absl::PermissionDeniedError(
      is_foreign
          ? absl::StrFormat("process %d belongs to uid %d: run limpet as that user or as root",
                            process.pid, process.uid)
          : absl::StrFormat("the system hides the memory map of process %d, so limpet cannot "
                            "tell whether it is traced: run limpet where the process runs",
                            process.pid));
}

// What a process has to show that has sampled nothing yet.
SegmentSnapshot EmptySnapshot(const ProcessFacts& process) {
  SegmentSnapshot snapshot;
  snapshot.state = static_cast<std::uint32_t>(SegmentState::kLive);
  snapshot.pid = process.namespace_pid;
  snapshot.uid = process.uid;
  snapshot.owner_uid = process.uid;
  snapshot.start_ticks = process.start_ticks;
  snapshot.executable = process.executable;
  snapshot.modules.resize(1);
  snapshot.dump_directory = RequestedDirectory(process.pid);
  return snapshot;
}

absl::StatusOr<DumpTarget> ReadTarget(const std::string& path, const DumpOptions& options) {
  absl::StatusOr<SegmentSnapshot> snapshot =
      options.format == kRawFormat ? ReadSegmentHeader(path) : ReadSegment(path);
  if (!snapshot.ok()) return snapshot.status();
  return DumpTarget{.snapshot = *std::move(snapshot), .segment_path = path};
}

bool WantsThreads(const DumpOptions& options) {
  if (options.format == kRawFormat) return false;
  const std::vector<std::string>& names = options.profiles;
  return names.empty() || std::find(names.begin(), names.end(), kGoroutineProfile) != names.end();
}

absl::StatusOr<DumpTarget> ReadLiving(const ProcessFacts& process, const DumpOptions& options) {
  const SegmentName name{process.namespace_pid, process.start_ticks};
  for (const SegmentEntry& entry :
       ListSegments(DirectoriesOf(process.pid, process.uid, options.runtime_directory))) {
    if (entry.name != name || !IsSegmentOf(process, entry.path)) continue;
    AskedThreads asked;
    if (WantsThreads(options)) asked = AskRunningThreads(process, entry.path);
    absl::StatusOr<DumpTarget> target = ReadTarget(entry.path, options);
    if (!target.ok()) return target;
    target->process = process;
    target->asked = std::move(asked);
    return target;
  }
  return NotTraced(process);
}

// Repeats while the segment is not there or not finished.
absl::StatusOr<DumpTarget> Patiently(const std::function<absl::StatusOr<DumpTarget>()>& read) {
  const auto deadline = std::chrono::steady_clock::now() + kRetryTime;
  while (true) {
    absl::StatusOr<DumpTarget> target = read();
    const bool is_early = absl::IsNotFound(target.status()) || absl::IsUnavailable(target.status());
    if (!is_early || std::chrono::steady_clock::now() >= deadline) return target;
    std::this_thread::sleep_for(kRetryPause);
  }
}

absl::StatusOr<DumpTarget> FindFile(const std::string& path, const DumpOptions& options) {
  absl::StatusOr<DumpTarget> target = ReadTarget(path, options);
  if (!target.ok()) return target;
  target->is_copy = !ParseSegmentName(std::filesystem::path(path).filename()).has_value();
  if (target->is_copy) return target;  // of the process as it was then
  const LivingProcesses living = LivingProcesses::Read();
  const SegmentOwner owner = OwnerOf(target->snapshot);
  target->life = living.LifeOf(owner);
  const std::optional<std::uint32_t> pid = living.Find(owner);
  if (!pid.has_value()) return target;
  absl::StatusOr<ProcessFacts> process = ReadProcess(*pid);
  const bool is_its = process.ok() && process->is_alive && IsSegmentOf(*process, path);
  if (is_its) target->process = *std::move(process);
  return target;
}

// The newest of those that had this PID, as they saw themselves; one that lives is found by
// another here, so it comes last.
absl::StatusOr<DumpTarget> FindDead(std::uint32_t pid, const DumpOptions& options) {
  std::vector<SegmentEntry> entries = ListSegments(RuntimeDirectories(options.runtime_directory));
  std::erase_if(entries, [pid](const SegmentEntry& entry) { return entry.name.pid != pid; });
  absl::StatusOr<DumpTarget> first = absl::NotFoundError(
      absl::StrFormat("there is no process %d, and no segment of one that died: `limpet ps` "
                      "lists those there are",
                      pid));
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    absl::StatusOr<DumpTarget> target = FindFile(entry->path, options);
    if (target.ok() && target->life != Life::kAlive) return target;
    if (entry == entries.rbegin()) first = std::move(target);
  }
  return first;
}

absl::StatusOr<DumpTarget> FindLiving(const ProcessFacts& process, const DumpOptions& options) {
  const auto read = [&] { return ReadLiving(process, options); };
  absl::StatusOr<DumpTarget> target = !options.reason.empty() ? Patiently(read) : read();
  if (absl::IsNotFound(target.status()) && process.has_limpet.value_or(false)) {
    return EmptyTarget(process);
  }
  return target;
}

bool LivesStill(const ProcessFacts& process) {
  const absl::StatusOr<ProcessFacts> now = ReadProcess(process.pid);
  return now.ok() && now->is_alive && now->start_ticks == process.start_ticks;
}

absl::StatusOr<DumpTarget> ReadHandedOver(std::uint32_t pid, int descriptor) {
  absl::StatusOr<SegmentFile> file = SegmentFile::Adopt(descriptor);
  if (!file.ok()) return file.status();
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(*std::move(file));
  if (!snapshot.ok()) return snapshot.status();
  DumpTarget target{.snapshot = *std::move(snapshot), .is_handed_over = true};
  absl::StatusOr<ProcessFacts> process = ReadProcess(pid);
  const bool is_its = process.ok() && process->start_ticks == target.snapshot.start_ticks;
  if (is_its) target.process = *std::move(process);
  return target;
}

absl::StatusOr<DumpTarget> Find(const DumpOptions& options) {
  std::uint32_t pid = 0;
  if (options.segment_descriptor >= 0 && absl::SimpleAtoi(options.target, &pid)) {
    return ReadHandedOver(pid, options.segment_descriptor);
  }
  if (!absl::SimpleAtoi(options.target, &pid)) return FindFile(options.target, options);
  absl::StatusOr<ProcessFacts> process = ReadProcess(pid);
  if (process.ok() && process->is_alive) {
    absl::StatusOr<DumpTarget> target = FindLiving(*process, options);
    const bool has_ended = absl::IsNotFound(target.status()) && !LivesStill(*process);
    return has_ended ? FindDead(pid, options) : target;
  }
  if (!process.ok() && !absl::IsNotFound(process.status())) return process.status();
  return FindDead(pid, options);
}

std::string FolderOfFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::absolute(path, error).lexically_normal().parent_path();
}

}  // namespace

absl::StatusOr<DumpTarget> FindDumpTarget(const DumpOptions& options) {
  absl::StatusOr<DumpTarget> target = Find(options);
  if (!target.ok()) return target;
  target->read_unix_ns = static_cast<std::int64_t>(UnixNs());
  target->read_monotonic_ns = MonotonicNs();
  if (target->process.has_value() && WantsThreads(options)) {
    const bool is_alive = CompleteThreads(*target->process, target->snapshot, target->asked);
    if (!is_alive) target->process.reset();
  }
  return target;
}

DumpTarget EmptyTarget(const ProcessFacts& process) {
  return {.snapshot = EmptySnapshot(process), .process = process};
}

std::optional<Coverage> CoverageOf(const DumpTarget& target) {
  if (!target.process.has_value()) return std::nullopt;
  const Estimate total = EstimateTotal(target.snapshot, EstimateKind::kHeap);
  return Coverage{.in_use_bytes = total.in_use.Bytes(),
                  .resident_anonymous_bytes = target.process->resident_anonymous_bytes,
                  .resident_bytes = target.process->resident_bytes};
}

std::string RequestedDirectory(std::uint32_t pid) {
  const std::string directory = ReadEnvironment(pid, "LIMPET_DIR").value_or("");
  return AbsolutePathIn(pid, directory.empty() ? kDefaultDirectory : directory);
}

bool IsOurWord(const DumpTarget& target) {
  if (target.snapshot.owner_uid != geteuid()) return false;
  if (target.is_handed_over) return true;  // with its own rights, which are ours
  if (target.process.has_value()) return target.process->uid == geteuid();
  return !target.snapshot.has_given_up_rights;
}

// Whoever wrote the segment may have forged it: nobody else, and root least of all, writes where it
// says.
std::string DumpDirectory(const DumpTarget& target) {
  const bool is_ours = IsOurWord(target);
  if (is_ours && target.is_copy) return FolderOfFile(target.segment_path);
  return is_ours && !target.snapshot.dump_directory.empty() ? target.snapshot.dump_directory
                                                            : kDefaultDirectory;
}

// Of the dead, by how long after their beginning they were last seen. Of a copy whose file's time
// may be anybody's, by what is in it.
std::uint64_t MonotonicTime(const DumpTarget& target) {
  if (target.IsRunning()) return target.read_monotonic_ns;
  const SegmentSnapshot& snapshot = target.snapshot;
  if (target.is_copy) return std::max(snapshot.copied_monotonic_ns, LastEventNs(snapshot));
  const auto seen_unix_ns = static_cast<std::uint64_t>(SnapshotTime(target));
  const std::uint64_t lived_ns = seen_unix_ns - std::min(seen_unix_ns, snapshot.created_unix_ns);
  return snapshot.created_monotonic_ns + lived_ns;
}

std::int64_t SnapshotTime(const DumpTarget& target) {
  if (target.IsRunning()) return target.read_unix_ns;
  const SegmentSnapshot& snapshot = target.snapshot;
  if (target.is_copy && snapshot.copied_unix_ns != 0) {
    return static_cast<std::int64_t>(snapshot.copied_unix_ns);
  }
  const std::uint64_t seen_unix_ns =
      target.is_copy ? snapshot.modified_unix_ns : LastSeenUnixNs(snapshot);
  return static_cast<std::int64_t>(std::min<std::uint64_t>(seen_unix_ns, INT64_MAX));
}

}  // namespace limpet
