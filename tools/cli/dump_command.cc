#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/cli/commands.h"
#include "tools/cli/dump_request.h"
#include "tools/cli/dump_target.h"
#include "tools/cli/dump_tree.h"
#include "tools/cli/dump_writer.h"
#include "tools/cli/segment_tidying.h"
#include "tools/profile/coverage.h"
#include "tools/profile/profile_builder.h"
#include "tools/profile/thread_lister.h"
#include "tools/reader/clock.h"
#include "tools/reader/dead_segments.h"
#include "tools/reader/perf_map.h"
#include "tools/reader/process_end.h"
#include "tools/reader/segment_copy.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_file.h"
#include "tools/reader/segment_head.h"
#include "tools/reader/segment_marks.h"
#include "tools/render/goroutine_writer.h"
#include "tools/store/dump_content.h"
#include "tools/store/dump_name.h"
#include "tools/store/dump_path.h"
#include "tools/store/output_file.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

constexpr char kErrorLog[] = "limpet-errors.log";

std::string DescribeCoverage(const DumpTarget& target) {
  if (target.life == Life::kOtherContainer)
    return "coverage: unknown, the process is of another container, alive or dead";
  if (target.is_copy) return "coverage: unknown, the segment is a copy";
  const std::optional<Coverage> coverage = CoverageOf(target);
  if (coverage.has_value()) return CoverageLine(*coverage);
  if (target.is_handed_over) return "coverage: unknown, the process sees no /proc";
  const std::string end = DescribeEnd(target.snapshot.end);
  return absl::StrCat("coverage: unknown, the process is dead", end.empty() ? "" : ": ", end);
}

absl::StatusOr<std::string> RenderProfile(ProfileBuilder& builder, const std::string& name,
                                          const DumpOptions& options, const ProfileOrigin& origin) {
  if (options.format == kGoroutineFormat) return WriteGoroutines(builder.BuildThreads(origin));
  const absl::StatusOr<Profile> profile = builder.Build(name, origin);
  if (!profile.ok()) return profile.status();
  return Render(*profile, options.format);
}

std::vector<std::string> ProfilesOf(const DumpTarget& target, const DumpOptions& options) {
  if (!options.profiles.empty()) return options.profiles;
  if (options.format == kGoroutineFormat) return {kGoroutineProfile};
  return DefaultProfiles(target.snapshot);
}

absl::StatusOr<std::vector<RenderedProfile>> RenderProfiles(const DumpTarget& target,
                                                            const DumpOptions& options,
                                                            const ProfileOrigin& origin) {
  ElfSymbolizer symbolizer(
      DebugPlace{.root = target.process ? ForeignRootOf(*target.process) : ""});
  const PerfMap jit_names = PerfMap::Load(target.snapshot.pid, target.snapshot.owner_uid);
  ProfileBuilder builder(target.snapshot, symbolizer, &jit_names);
  std::vector<RenderedProfile> rendered;
  for (const std::string& name : ProfilesOf(target, options)) {
    absl::StatusOr<std::string> bytes = RenderProfile(builder, name, options, origin);
    if (!bytes.ok()) return bytes.status();
    rendered.push_back({name, *std::move(bytes)});
  }
  return rendered;
}

absl::Status WriteSegment(const DumpTarget& target, OutputFile& file) {
  const SegmentSink sink{
      .set_bytes = [&file](std::uint64_t bytes) { return file.SetBytes(bytes); },
      .write_at = [&file](std::uint64_t offset,
                          absl::string_view bytes) { return file.WriteAt(offset, bytes); }};
  const CopyMoment moment{.unix_ns = static_cast<std::uint64_t>(SnapshotTime(target)),
                          .monotonic_ns = MonotonicTime(target)};
  absl::Status status = CopySegment(target.segment_path, moment, sink);
  return status.ok() ? file.SetModifiedTime(SnapshotTime(target)) : status;
}

absl::StatusOr<std::vector<DumpContent>> RawContents(const DumpTarget& target) {
  if (target.segment_path.empty()) {
    return absl::NotFoundError(absl::StrFormat(
        "process %d has sampled nothing yet: there is no segment to copy", target.snapshot.pid));
  }
  return std::vector<DumpContent>{
      {kSegmentProfile, "", [&target](OutputFile& file) { return WriteSegment(target, file); }}};
}

// Known wrong before any work is done.
absl::Status CheckOptions(const DumpOptions& options) {
  const bool is_raw = options.format == kRawFormat;
  if (is_raw && (!options.profiles.empty() || IsStandardOutput(options.output))) {
    return absl::InvalidArgumentError(
        "a raw copy holds all profiles and goes into a file: leave out -p, and -o -");
  }
  if (is_raw && options.with_descendants) {
    return absl::InvalidArgumentError("a raw copy is of one process: leave out --tree");
  }
  if (options.format == kGoroutineFormat && options.with_descendants) {
    return absl::InvalidArgumentError("go2 is of one process: leave out --tree");
  }
  const std::vector<std::string>& known = KnownProfiles();
  for (const std::string& name : options.profiles) {
    if (options.format == kGoroutineFormat && name != kGoroutineProfile) {
      return absl::InvalidArgumentError(
          absl::StrFormat("go2 is a format of goroutine, not of %s: choose -p goroutine", name));
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("unknown profile '%s': choose from %s", name, absl::StrJoin(known, ", ")));
  }
  if (options.output.empty() || IsStandardOutput(options.output)) return absl::OkStatus();
  return CheckPattern(options.output);
}

absl::Status WriteCopy(const DumpTarget& target, const DumpOptions& options) {
  absl::StatusOr<std::vector<DumpContent>> contents = RawContents(target);
  if (!contents.ok()) return contents.status();
  return WriteContents(*std::move(contents), PlaceOf(target, options), options);
}

absl::Status DumpTo(const DumpTarget& target, const DumpOptions& options) {
  if (options.format == kRawFormat) return WriteCopy(target, options);
  const ProfileOrigin origin{.time_unix_ns = SnapshotTime(target),
                             .monotonic_ns = MonotonicTime(target),
                             .is_alive = target.IsRunning(),
                             .coverage = DescribeCoverage(target)};
  absl::StatusOr<std::vector<RenderedProfile>> rendered = RenderProfiles(target, options, origin);
  if (!rendered.ok()) return rendered.status();
  return WriteProfiles(*std::move(rendered), PlaceOf(target, options), options);
}

// Nobody sees the standard error of a companion that no user started; the dump directory is where
// people look for what is missing.
void LogFailure(const std::string& directory, const absl::Status& failure) {
  if (!MakeDirectory(directory).ok()) return;
  const std::string time = FormatUtc(static_cast<std::int64_t>(UnixNs()));
  AppendLine(directory + "/" + kErrorLog,
             absl::StrFormat("%s dump failed: %s", time, std::string(failure.message())));
}

bool IsRuntimeDirectory(const std::string& folder, const std::string& chosen) {
  const std::vector<std::string> known = RuntimeDirectories(chosen);
  return std::any_of(known.begin(), known.end(), [&](const std::string& directory) {
    std::error_code error;
    return std::filesystem::equivalent(folder.empty() ? "." : folder, directory, error);
  });
}

// Still the file that was read, of our own user's, where segments are looked for: one that lies
// elsewhere is somebody's to keep.
bool IsOurs(const DumpTarget& target, const std::string& runtime_directory) {
  const std::filesystem::path path = target.segment_path;
  if (target.snapshot.owner_uid != geteuid()) return false;
  if (!IsRuntimeDirectory(path.parent_path(), runtime_directory)) return false;
  const absl::StatusOr<SegmentFile> now = SegmentFile::Open(path);
  return now.ok() && now->node() == target.snapshot.node;
}

// What was asked for until the segment was read is written now, also if the process has ended
// since.
void NoteAnswered(const DumpTarget& target) {
  const std::uint32_t requests = target.snapshot.dump_requests;
  WriteMarks(target.segment_path, {.answered_requests = requests}).IgnoreError();
}

// It ended by itself meanwhile, and left its segment for this dump, or for one that was asked for
// after this one had read it: that one removes it. One that ends from now on does not.
void RemoveExited(const DumpTarget& target) {
  const auto self = static_cast<std::uint32_t>(getpid());
  WriteMarks(target.segment_path, {.done_dump_pid = self}).IgnoreError();
  const absl::StatusOr<SegmentHead> head = ReadSegmentHead(target.segment_path);
  if (!head.ok() || !head->has_exited) return;
  if (head->dump_requests != target.snapshot.dump_requests) return;
  RemoveUnreadSegment(target.segment_path, target.snapshot.node);
}

void NoteWritten(const DumpTarget& target, const DumpOptions& options) {
  if (target.segment_path.empty() || target.is_copy) return;
  const bool is_ours = IsOurs(target, options.runtime_directory);
  if (is_ours || target.life == Life::kAlive) NoteAnswered(target);
  if (is_ours) RemoveExited(target);
}

absl::Status Dump(const DumpOptions& options) {
  absl::StatusOr<DumpTarget> target = FindDumpTarget(options);
  if (target.ok()) {
    absl::Status status = DumpTo(*target, options);
    if (!status.ok() && !options.reason.empty()) {
      LogFailure(options.directory.empty() ? DumpDirectory(*target) : options.directory, status);
    }
    if (status.ok()) NoteWritten(*target, options);
    return status;
  }
  std::uint32_t pid = 0;
  if (!options.reason.empty() && absl::SimpleAtoi(options.target, &pid)) {
    LogFailure(RequestedDirectory(pid), target.status());
  }
  return target.status();
}

}  // namespace

absl::StatusOr<int> DumpCommand(const DumpOptions& options) {
  absl::Status status = CheckOptions(options);
  if (status.ok()) status = options.with_descendants ? DumpTree(options) : Dump(options);
  TidySegments(options.runtime_directory);  // last: it may remove what was asked for
  if (!status.ok()) return status;
  return kExitOk;
}

}  // namespace limpet
