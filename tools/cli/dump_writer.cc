#include "tools/cli/dump_writer.h"

#include <cstdio>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/cli/dump_request.h"
#include "tools/render/collapsed_writer.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"
#include "tools/store/dump_name.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

constexpr char kStandardOutput[] = "-";
constexpr char kBesidePattern[] = "/%t.%n.%P";  // of profiles of a copy that lies anywhere

std::string Extension(const std::string& format) {
  if (format == "text" || format == kGoroutineFormat) return ".txt";
  if (format == kRawFormat) return "";
  return format == "collapsed" ? ".collapsed" : kPprofExtension;
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

void PrintWritten(const StoredDump& stored, const DumpOptions& options) {
  if (!options.reason.empty()) return;
  for (const std::string& note : stored.notes) absl::FPrintF(stderr, "limpet: %s\n", note);
  for (const std::string& path : stored.paths) absl::FPrintF(stderr, "wrote %s\n", path);
  if (options.format == "collapsed" || options.format == kGoroutineFormat) return;
  const std::string& first = stored.paths.front();
  const char* const next = options.format == kRawFormat ? "limpet dump" : "go tool pprof -top";
  absl::FPrintF(stderr, "next:  %s %s\n", next, first);
  if (!options.with_descendants || options.format != "pprof") return;
  absl::FPrintF(stderr, "one:   go tool pprof -top -tagfocus=pid=PID %s\n", first);
}

// Holds what was rendered.
std::vector<DumpContent> ContentsOf(std::vector<RenderedProfile> rendered,
                                    const std::string& format) {
  std::vector<DumpContent> contents;
  contents.reserve(rendered.size());
  for (RenderedProfile& profile : rendered) {
    contents.push_back(
        {std::move(profile.name), Extension(format),
         [bytes = std::move(profile.bytes)](OutputFile& file) { return file.WriteAt(0, bytes); }});
  }
  return contents;
}

absl::StatusOr<StoredDump> Store(std::vector<DumpContent> contents, const DumpPlace& place,
                                 const DumpOptions& options) {
  std::string pattern = options.output;
  if (pattern.empty() && place.request.has_value()) {
    DumpRequest request = *place.request;
    request.contents = std::move(contents);
    return StoreDump(request);
  }
  if (pattern.empty()) {
    pattern = EscapePattern(place.directory) + kBesidePattern + Extension(options.format);
  }
  absl::StatusOr<std::vector<std::string>> paths = WriteByPattern(contents, pattern, place.names);
  if (!paths.ok()) return paths.status();
  return StoredDump{.paths = *std::move(paths)};
}

}  // namespace

DumpPlace PlaceOf(const DumpTarget& target, const DumpOptions& options) {
  return {.request = RequestFor(target, options),
          .directory = DumpDirectory(target),
          .names = NamesOf(target)};
}

bool IsStandardOutput(const std::string& output) { return output == kStandardOutput; }

absl::StatusOr<std::string> Render(const Profile& profile, const std::string& format) {
  if (format == "pprof") return WritePprof(profile);
  if (format == "text") return WriteText(profile);
  if (format == "collapsed") return WriteCollapsed(profile);
  return absl::InvalidArgumentError(
      absl::StrFormat("unknown format '%s': choose from pprof, text, go2, collapsed, raw", format));
}

absl::Status WriteProfiles(std::vector<RenderedProfile> rendered, const DumpPlace& place,
                           const DumpOptions& options) {
  absl::Status status = CheckNames(options.output, rendered.size());
  if (!status.ok()) return status;
  if (IsStandardOutput(options.output)) return WriteStandardOutput(rendered.front().bytes);
  return WriteContents(ContentsOf(std::move(rendered), options.format), place, options);
}

absl::Status WriteContents(std::vector<DumpContent> contents, const DumpPlace& place,
                           const DumpOptions& options) {
  absl::StatusOr<StoredDump> stored = Store(std::move(contents), place, options);
  if (!stored.ok()) return stored.status();
  PrintWritten(*stored, options);
  return absl::OkStatus();
}

}  // namespace limpet
