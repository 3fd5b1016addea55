#include "tools/cli/dump_writer.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/cli/output_file.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"

namespace limpet {
namespace {

constexpr char kStandardOutput[] = "-";
constexpr char kNamePattern[] = "%e.%p-%s/%t.%n.%P";

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

std::string Extension(const std::string& format) {
  if (format == "text") return ".txt";
  return format == "collapsed" ? ".collapsed" : ".pb.gz";
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
  if (!options.with_descendants || options.format != "pprof") return;
  absl::FPrintF(stderr, "one:   go tool pprof -top -tagfocus=pid=PID %s\n", paths.front());
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

}  // namespace

DumpPlace PlaceOf(const DumpTarget& target, std::int64_t time_unix_ns) {
  return {.directory = DumpDirectory(target),
          .names = {.executable = ProgramOf(target.snapshot),
                    .pid = target.snapshot.pid,
                    .start_ticks = target.snapshot.start_ticks,
                    .time_unix_ns = time_unix_ns,
                    .host = HostName()}};
}

bool IsStandardOutput(const std::string& output) { return output == kStandardOutput; }

absl::StatusOr<std::string> Render(const Profile& profile, const std::string& format) {
  if (format == "pprof") return WritePprof(profile);
  if (format == "text") return WriteText(profile);
  if (format == "collapsed") return WriteCollapsed(profile);
  return absl::InvalidArgumentError(
      absl::StrFormat("unknown format '%s': choose from pprof, text, collapsed", format));
}

absl::Status WriteProfiles(const std::vector<RenderedProfile>& rendered, const DumpPlace& place,
                           const DumpOptions& options) {
  absl::Status status = CheckNames(options.output, rendered.size());
  if (!status.ok()) return status;
  if (IsStandardOutput(options.output)) return WriteStandardOutput(rendered.front().bytes);
  const std::string& directory = options.directory.empty() ? place.directory : options.directory;
  const std::string pattern =
      options.output.empty()
          ? EscapePattern(directory) + "/" + kNamePattern + Extension(options.format)
          : options.output;
  absl::StatusOr<std::vector<std::string>> paths = WriteFiles(rendered, pattern, place.names);
  if (!paths.ok()) return paths.status();
  PrintWritten(*paths, options);
  return absl::OkStatus();
}

}  // namespace limpet
