#include "tools/cli/dump_request.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "runtime/setting/setting_table.h"
#include "tools/profile/estimate.h"
#include "tools/store/dump_name.h"

namespace limpet {
namespace {

constexpr char kFolderPattern[] = "%e.%p-%s";

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

std::string StateOf(const DumpTarget& target) {
  if (target.is_copy) return "";
  return target.IsRunning() ? kStateRunning : kStateDead;
}

// Somebody else's segment does not say how much of ours is removed.
StoreLimits LimitsOf(const DumpTarget& target) {
  const WatchSettings settings =
      IsOurWord(target) ? target.snapshot.watch.settings : WatchSettings{};
  StoreLimits limits{kDefaultMaxDumps, kDefaultMaxDirectoryBytes};
  if (settings.max_dumps != 0) limits.max_dumps = std::max(settings.max_dumps, kMinMaxDumps);
  if (settings.max_directory_bytes != 0) {
    limits.max_directory_bytes = std::max(settings.max_directory_bytes, kMinMaxDirectoryBytes);
  }
  return limits;
}

DumpRecord DumpOf(const DumpTarget& target, const DumpOptions& options) {
  DumpRecord dump{.time = FormatUtc(SnapshotTime(target)), .reason = KnownReason(options.reason)};
  if (options.format == kRawFormat) return dump;  // nothing was looked at
  const Estimate total = EstimateTotal(target.snapshot, EstimateKind::kHeap);
  dump.in_use_bytes = total.in_use.Bytes();
  dump.allocated_bytes = total.allocated.Bytes();
  return dump;
}

// The dump that copied the segment, if its name still says so.
void JoinCopied(const DumpTarget& target, DumpRecord& dump) {
  const std::string file = std::filesystem::path(target.segment_path).filename();
  const std::optional<DumpName> name = ParseDumpName(file);
  if (!name.has_value()) return;
  dump.number = name->number;
  dump.time = name->time;
}

}  // namespace

DumpNames NamesOf(const DumpTarget& target) {
  return {.executable = ProgramOf(target.snapshot),
          .pid = target.snapshot.pid,
          .start_ticks = target.snapshot.start_ticks,
          .time_unix_ns = SnapshotTime(target),
          .host = HostName()};
}

std::optional<DumpRequest> RequestFor(const DumpTarget& target, const DumpOptions& options) {
  const bool is_chosen = !options.directory.empty() && !target.is_copy;
  DumpRequest request{.directory = is_chosen ? options.directory : DumpDirectory(target),
                      .folder = ExpandPattern(kFolderPattern, NamesOf(target)),
                      .process = RecordOf(target.snapshot),
                      .dump = DumpOf(target, options),
                      .limits = LimitsOf(target),
                      .is_of_copy = target.is_copy};
  request.process.host = HostName();
  request.process.state = StateOf(target);
  if (!target.is_copy || !IsOurWord(target)) return request;
  const std::filesystem::path folder = request.directory;
  if (folder.filename() != request.folder) return std::nullopt;
  request.directory = folder.parent_path();
  JoinCopied(target, request.dump);
  return request;
}

}  // namespace limpet
