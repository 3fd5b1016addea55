#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/cli/commands.h"
#include "tools/cli/dump_path.h"
#include "tools/cli/dump_target.h"
#include "tools/cli/output_file.h"
#include "tools/profile/coverage.h"
#include "tools/profile/estimate.h"
#include "tools/profile/profile_builder.h"
#include "tools/reader/perf_map.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

constexpr char kStandardOutput[] = "-";
constexpr char kNamePattern[] = "%e.%p-%s/%t.%n.%P";
constexpr char kErrorLog[] = "limpet-errors.log";

struct RenderedProfile {
  std::string name;
  std::string bytes;
};

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

std::string Extension(const std::string& format) {
  if (format == "text") return ".txt";
  return format == "collapsed" ? ".collapsed" : ".pb.gz";
}

absl::StatusOr<std::string> Render(const Profile& profile, const std::string& format) {
  if (format == "pprof") return WritePprof(profile);
  if (format == "text") return WriteText(profile);
  if (format == "collapsed") return WriteCollapsed(profile);
  return absl::InvalidArgumentError(
      absl::StrFormat("unknown format '%s': choose from pprof, text, collapsed", format));
}

std::string DescribeCoverage(const DumpTarget& target) {
  if (!target.process.has_value()) return "coverage: unknown, the process is dead";
  const Estimate total = EstimateTotal(target.snapshot, EstimateKind::kHeap);
  return CoverageLine({.in_use_bytes = total.in_use.Bytes(),
                       .resident_anonymous_bytes = target.process->resident_anonymous_bytes,
                       .resident_bytes = target.process->resident_bytes});
}

absl::StatusOr<std::vector<RenderedProfile>> RenderProfiles(const DumpTarget& target,
                                                            const DumpOptions& options,
                                                            const ProfileOrigin& origin) {
  ElfSymbolizer symbolizer;
  const PerfMap jit_names = PerfMap::Load(target.snapshot.pid, target.snapshot.owner_uid);
  ProfileBuilder builder(target.snapshot, symbolizer, &jit_names);
  std::vector<RenderedProfile> rendered;
  for (const std::string& name :
       options.profiles.empty() ? DefaultProfiles(target.snapshot) : options.profiles) {
    absl::StatusOr<Profile> profile = builder.Build(name, origin);
    if (!profile.ok()) return profile.status();
    absl::StatusOr<std::string> bytes = Render(*profile, options.format);
    if (!bytes.ok()) return bytes.status();
    rendered.push_back({name, *std::move(bytes)});
  }
  return rendered;
}

// Known wrong before any work is done.
absl::Status CheckOptions(const DumpOptions& options) {
  const std::vector<std::string>& known = KnownProfiles();
  for (const std::string& name : options.profiles) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrFormat("unknown profile '%s': choose from %s", name, absl::StrJoin(known, ", ")));
  }
  if (options.output.empty() || options.output == kStandardOutput) return absl::OkStatus();
  return CheckPattern(options.output);
}

// Several profiles need several names.
absl::Status CheckNames(const std::string& output, std::size_t profiles) {
  if (profiles == 1 || output.empty() || PatternHas(output, 'P')) return absl::OkStatus();
  if (output == kStandardOutput) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%d profiles do not go to one standard output: choose one, as -p heap", profiles));
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "output '%s' is one name for %d profiles: put %%P into it, or choose one, as -p heap", output,
      profiles));
}

void PrintWritten(const std::vector<std::string>& paths, const DumpOptions& options) {
  if (!options.reason.empty()) return;
  for (const std::string& path : paths) absl::FPrintF(stderr, "wrote %s\n", path);
  if (options.format == "collapsed") return;
  absl::FPrintF(stderr, "next:  go tool pprof -top %s\n", paths.front());
}

absl::StatusOr<std::vector<std::string>> WriteFiles(const std::vector<RenderedProfile>& rendered,
                                                    const std::string& pattern, DumpNames names) {
  const std::filesystem::path folder =
      std::filesystem::path(ExpandPattern(pattern, names)).parent_path();
  const std::string directory = folder.empty() ? "." : folder.string();
  absl::Status status = MakeDirectory(directory);
  if (!status.ok()) return status;
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(directory);
  if (!lock.ok()) return lock.status();
  names.number = NextNumber(directory, pattern);
  std::vector<std::string> paths;
  for (const RenderedProfile& profile : rendered) {
    names.profile = profile.name;
    paths.push_back(ExpandPattern(pattern, names));
    status = WriteOutputFile(paths.back(), profile.bytes);
    if (!status.ok()) return status;
  }
  return paths;
}

absl::Status DumpTo(const DumpTarget& target, const DumpOptions& options) {
  const ProfileOrigin origin{.time_unix_ns = SnapshotTime(target),
                             .coverage = DescribeCoverage(target)};
  absl::StatusOr<std::vector<RenderedProfile>> rendered = RenderProfiles(target, options, origin);
  if (!rendered.ok()) return rendered.status();
  absl::Status status = CheckNames(options.output, rendered->size());
  if (!status.ok()) return status;
  if (options.output == kStandardOutput) return WriteStandardOutput(rendered->front().bytes);

  const std::string directory =
      options.directory.empty() ? DumpDirectory(target) : options.directory;
  const std::string pattern = options.output.empty() ? EscapePattern(directory) + "/" +
                                                           kNamePattern + Extension(options.format)
                                                     : options.output;
  absl::StatusOr<std::vector<std::string>> paths =
      WriteFiles(*rendered, pattern,
                 {.executable = ProgramOf(target.snapshot),
                  .pid = target.snapshot.pid,
                  .start_ticks = target.snapshot.start_ticks,
                  .time_unix_ns = origin.time_unix_ns,
                  .host = HostName()});
  if (!paths.ok()) return paths.status();
  PrintWritten(*paths, options);
  return absl::OkStatus();
}

// Nobody sees the standard error of a companion that no user started; the dump directory is where
// people look for what is missing.
void LogFailure(const std::string& directory, const absl::Status& failure) {
  if (!MakeDirectory(directory).ok()) return;
  std::ofstream log(directory + "/" + kErrorLog, std::ios::app);
  const std::int64_t now_ns = std::int64_t{std::time(nullptr)} * 1'000'000'000;
  log << FormatUtc(now_ns) << " dump failed: " << std::string(failure.message()) << '\n';
}

absl::Status Dump(const DumpOptions& options) {
  absl::StatusOr<DumpTarget> target = FindDumpTarget(options);
  if (target.ok()) {
    absl::Status status = DumpTo(*target, options);
    if (!status.ok() && !options.reason.empty()) LogFailure(DumpDirectory(*target), status);
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
  if (status.ok()) status = Dump(options);
  if (!status.ok()) return status;
  return kExitOk;
}

}  // namespace limpet
