#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/setting/value_grammar.h"
#include "tools/cli/commands.h"
#include "tools/launch/command_path.h"
#include "tools/launch/init_process.h"
#include "tools/launch/preload_library.h"
#include "tools/launch/program_check.h"
#include "tools/launch/trace_settings.h"
#include "tools/launch/traced_environment.h"
#include "tools/launch/watcher_process.h"
#include "tools/reader/segment_directory.h"

namespace limpet {
namespace {

// As env, timeout and docker say it, so that scripts can tell our failures from the program's.
constexpr int kExitLimpetFailed = 125;
constexpr int kExitNotExecutable = 126;
constexpr int kExitNotFound = 127;

void Say(const std::string& text) { std::fprintf(stderr, "limpet: %s\n", text.c_str()); }

void Tell(const Finding& finding) {
  Say(finding.message);
  if (!finding.cure.empty()) std::fprintf(stderr, "        %s\n", finding.cure.c_str());
}

std::map<std::string, std::string> SettingsOf(const RunOptions& options) {
  std::map<std::string, std::string> settings;
  const std::pair<const char*, const std::string*> texts[] = {
      {"LIMPET_SAMPLE_BYTES", &options.sample_bytes},
      {"LIMPET_DIR", &options.directory},
      {"LIMPET_SIGNAL", &options.signal},
      {"LIMPET_MAX_BYTES", &options.max_bytes},
      {"LIMPET_EVERY", &options.every},
      {"LIMPET_DUMP_ON", &options.dump_on},
      {"LIMPET_KEEP", &options.keep},
  };
  for (const auto& [name, value] : texts) {
    if (!value->empty()) settings[name] = *value;
  }
  if (options.dump_at_exit) settings["LIMPET_DUMP_AT_EXIT"] = "1";
  if (options.trace_mappings) settings["LIMPET_MMAP"] = "1";
  return settings;
}

// InvalidArgument is the user's, all else ours.
absl::StatusOr<TraceRequest> RequestOf(const RunOptions& options) {
  TraceRequest request;
  request.settings = SettingsOf(options);
  for (const auto& [name, value] : request.settings) {
    if (absl::Status status = CheckSetting(name, value); !status.ok()) return status;
  }
  absl::StatusOr<std::string> library =
      FindPreloadLibrary(OwnExecutable(), OwnSetting("LIMPET_LIBRARY"));
  if (!library.ok()) return library.status();
  request.library = *library;
  if (!options.allocator.empty()) {
    absl::StatusOr<std::string> allocator = FindAllocatorLibrary(options.allocator);
    if (!allocator.ok()) return allocator.status();
    request.allocator_library = *allocator;
  }
  if (OwnSetting("LIMPET_WATCH").empty()) request.settings["LIMPET_WATCH"] = "1";
  // The dump that a signal starts is to be made by this very companion.
  if (OwnSetting("LIMPET_COMPANION").empty())
    request.settings["LIMPET_COMPANION"] = OwnExecutable();
  return request;
}

std::string AbsoluteDirectory(const std::string& chosen) {
  const std::string set = chosen.empty() ? OwnSetting("LIMPET_DIR") : chosen;
  return std::filesystem::absolute(set.empty() ? "limpet" : set).string();
}

// A directory that does not exist yet is made at the first dump.
void WarnOfDirectory(const std::string& shown) {
  namespace fs = std::filesystem;
  fs::path existing = shown;
  std::error_code error;
  while (!fs::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  if (access(existing.c_str(), W_OK | X_OK) == 0 && fs::is_directory(existing, error)) return;
  Say(absl::StrCat("profiles cannot be written to ", shown, ": ", existing.string(),
                   " is no directory that this user may write; --directory names another"));
}

// As exec takes them: ended by a null pointer.
std::vector<char*> PointersTo(std::vector<std::string>& texts) {
  std::vector<char*> pointers(texts.size() + 1, nullptr);
  std::transform(texts.begin(), texts.end(), pointers.begin(),
                 [](std::string& text) { return text.data(); });
  return pointers;
}

int Execute(const std::vector<std::string>& command, std::vector<std::string> environment) {
  std::vector<std::string> words = command;
  const std::vector<char*> arguments = PointersTo(words);
  execvpe(arguments[0], arguments.data(), PointersTo(environment).data());
  const int error = errno;
  Say(absl::StrCat("cannot run ", command[0], ": ", std::strerror(error)));
  return error == ENOENT ? kExitNotFound : kExitNotExecutable;
}

WatcherProcess WatcherOf(const RunOptions& options) {
  const std::string chosen = OwnSetting("LIMPET_RUNTIME_DIR");
  return {.executable = OwnExecutable(),
          .runtime_directory = chosen.empty() ? DefaultRuntimeDirectory(geteuid())
                                              : std::filesystem::absolute(chosen).string(),
          .directory = AbsoluteDirectory(options.directory),
          .program = getpid()};
}

// LIMPET_WATCH=0 wants none. A subreaper, which stays one when it becomes the program, would get it
// for a child.
bool WantsWatcher() {
  bool is_wanted = true;
  if (!ParseSwitch(OwnSetting("LIMPET_WATCH").c_str(), &is_wanted)) is_wanted = true;
  int is_subreaper = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper);
  return is_wanted && is_subreaper == 0;
}

int ExecuteWatched(const RunOptions& options, const TraceRequest& request) {
  const std::vector<std::string> environment = TracedEnvironment(environ, request);
  WatcherProcess watcher = WatcherOf(options);
  if (getpid() == 1) {
    return RunAsInit([&] { return Execute(options.command, environment); },
                     [&](pid_t program) {
                       watcher.program = program;
                       return WantsWatcher() ? StartWatcherChild(watcher) : -1;
                     });
  }
  if (WantsWatcher() && !StartDetachedWatcher(watcher)) {
    Say(absl::StrCat("nobody watches, so that there will be no last profile of what is killed: ",
                     std::strerror(errno)));
  }
  return Execute(options.command, environment);
}

// Says what will not be seen; false when nothing would be.
bool CanTrace(const ProgramReport& report) {
  for (const Finding& finding : report.findings) {
    if (finding.severity != Severity::kNote) Tell(finding);
  }
  return !IsBlocked(report.findings);
}

}  // namespace

absl::StatusOr<int> RunCommand(const RunOptions& options) {
  if (options.command.empty()) {
    return absl::InvalidArgumentError("which program? limpet run [OPTIONS] -- COMMAND [ARGUMENTS]");
  }
  const absl::StatusOr<TraceRequest> request = RequestOf(options);
  if (absl::IsInvalidArgument(request.status())) return request.status();
  if (!request.ok()) {
    Say(std::string(request.status().message()));
    return kExitLimpetFailed;
  }
  const absl::StatusOr<ProgramReport> report = CheckCommand(options.command[0], SearchPath());
  if (!report.ok()) {
    Say(std::string(report.status().message()));
    return absl::IsNotFound(report.status()) ? kExitNotFound : kExitNotExecutable;
  }
  if (!CanTrace(*report) && !options.forces) {
    Say("not started, because it would not be traced; --force runs it all the same");
    return kExitNotTraced;
  }
  WarnOfDirectory(AbsoluteDirectory(options.directory));
  return ExecuteWatched(options, *request);
}

}  // namespace limpet
