#include "runtime/options.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "runtime/setting/dump_occasions.h"
#include "runtime/setting/program_choice.h"
#include "runtime/setting/setting_table.h"
#include "runtime/setting/value_grammar.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

constexpr char kPrefix[] = "LIMPET_";
constexpr std::size_t kPrefixBytes = sizeof(kPrefix) - 1;
constexpr std::size_t kReportedBytes = 200;  // of a value; the cure must fit behind it

using Line = sys::FixedText<512>;

void AppendPrintable(const char* text, Line* line) {
  std::size_t bytes = strnlen(text, kReportedBytes + 1);
  for (std::size_t i = 0; i < bytes && i < kReportedBytes; ++i) {
    bool is_control = static_cast<unsigned char>(text[i]) < ' ' || text[i] == 0x7f;
    line->Append(is_control ? "?" : text + i, 1);
  }
  if (bytes > kReportedBytes) line->Append("...");
}

// A message into a pipe that nobody reads must not end the program: the signal of it is taken back.
void WriteToStandardError(const char* text, std::size_t bytes) {
  std::uint64_t pipe_signal = std::uint64_t{1} << (SIGPIPE - 1), old_mask = 0, pending = 0;
  constexpr long kMaskBytes = sizeof(pipe_signal);
  timespec no_time = {0, 0};
  sys::RawSyscall(SYS_rt_sigpending, sys::AsArgument(&pending), kMaskBytes);
  sys::RawSyscall(SYS_rt_sigprocmask, SIG_BLOCK, sys::AsArgument(&pipe_signal),
                  sys::AsArgument(&old_mask), kMaskBytes);
  long written =
      sys::RawSyscall(SYS_write, STDERR_FILENO, sys::AsArgument(text), static_cast<long>(bytes));
  bool is_ours = written == -EPIPE && (pending & pipe_signal) == 0;
  if (is_ours)
    sys::RawSyscall(SYS_rt_sigtimedwait, sys::AsArgument(&pipe_signal), 0,
                    sys::AsArgument(&no_time), kMaskBytes);
  sys::RawSyscall(SYS_rt_sigprocmask, SIG_SETMASK, sys::AsArgument(&old_mask), 0, kMaskBytes);
}

void ReportValue(const Setting& setting, const char* value) {
  Line line;
  line.Append("limpet: ").Append(setting.name).Append("='");
  AppendPrintable(value, &line);
  line.Append("': expected ").Append(setting.expected);
  line.Append("; using ").Append(setting.default_value).Append("\n");
  WriteToStandardError(line.c_str(), line.size());
}

void ReportUnknown(const char* name) {
  Line line;
  line.Append("limpet: ").Append(name).Append(": no such setting; `limpet doctor` lists them\n");
  WriteToStandardError(line.c_str(), line.size());
}

// A relative directory is meant from where the program was started, which it may leave.
template <std::size_t kBytes>
bool ApplyPath(const char* text, sys::FixedText<kBytes>* path) {
  sys::FixedText<kBytes> absolute;
  char here[kBytes];
  if (*text == '\0') return false;
  if (*text != '/') {
    // Outside of a chroot the kernel answers "(unreachable)/...".
    bool is_known = !sys::Failed(sys::RawSyscall(SYS_getcwd, sys::AsArgument(here), sizeof(here)));
    if (!is_known || here[0] != '/') return false;
    if (here[1] != '\0') absolute.Append(here);
    absolute.Append("/");
  }
  absolute.Append(text);
  if (absolute.IsCut()) return false;
  *path = absolute;
  return true;
}

bool ApplyOccasions(const char* text, Options* options) {
  DumpOccasions occasions;
  if (!ParseDumpOccasions(text, &occasions)) return false;
  occasions.StoreTo(&options->watch);
  options->dumps_at_exit = options->dumps_at_exit || occasions.at_exit;
  return true;
}

bool ApplyOnly(const char* text, Options* options) {
  options->only.Clear();
  options->only.Append(text);
  if (!options->only.IsCut()) return true;
  options->only.Clear();
  return false;
}

bool ApplyFollow(const char* text, Options* options) {
  FollowedChildren followed;
  if (!ParseFollow(text, &followed)) return false;
  options->skips_forked = !followed.forked;
  options->skips_executed = !followed.executed;
  return true;
}

bool Apply(SettingId id, const char* text, Options* options) {
  switch (id) {
    case SettingId::kDirectory:
      return ApplyPath(text, &options->dump_directory);
    case SettingId::kSampleBytes:
      return ParseSampleBytes(text, &options->sample_bytes);
    case SettingId::kMaxBytes:
      return ParseSegmentBytes(text, &options->max_bytes);
    case SettingId::kSignal:
      return ParseSignal(text, &options->dump_signal);
    case SettingId::kRunning:
      return ParseSwitch(text, &options->asks_running);
    case SettingId::kBlockRate:
      return ParseBlockRate(text, &options->block_rate_ns);
    case SettingId::kDumpAtExit:
      return ParseSwitch(text, &options->dumps_at_exit);
    case SettingId::kEvery:
      return ParseDumpInterval(text, &options->watch.dump_interval_ns);
    case SettingId::kDumpOn:
      return ApplyOccasions(text, options);
    case SettingId::kWatch:
      return ParseSwitch(text, &options->is_watched);
    case SettingId::kKeep:
      return ParseMaxDumps(text, &options->watch.max_dumps);
    case SettingId::kMaxDirectoryBytes:
      return ParseDirectoryBytes(text, &options->watch.max_directory_bytes);
    case SettingId::kKeepDead:
      return ParseMaxDeadSegments(text, &options->watch.max_dead_segments);
    case SettingId::kOnly:
      return ApplyOnly(text, options);
    case SettingId::kFollow:
      return ApplyFollow(text, options);
    case SettingId::kMmap:
      return ParseSwitch(text, &options->traces_mappings);
    case SettingId::kRuntimeDirectory:
      options->has_chosen_directory = ApplyPath(text, &options->runtime_directory);
      return options->has_chosen_directory;
    case SettingId::kCompanion:
      return ApplyPath(text, &options->companion);
    case SettingId::kDisable:
      return ParseSwitch(text, &options->is_disabled);
    case SettingId::kLibrary:
      return true;  // read by the companion alone
  }
  return false;
}

void SetDefaults(Options* options) {
  *options = Options();
  options->sample_bytes = kDefaultSampleBytes;
  options->dump_signal = SIGUSR1;
  options->asks_running = true;
  options->block_rate_ns = kDefaultBlockRateNs;
  options->watch.max_dumps = kDefaultMaxDumps;
  options->watch.max_directory_bytes = kDefaultMaxDirectoryBytes;
  options->watch.max_dead_segments = kDefaultMaxDeadSegments;
  if (!ApplyPath("limpet", &options->dump_directory)) options->dump_directory.Append("/tmp/limpet");
  FollowUser(options);
}

void ApplyVariable(const char* variable, bool reports, Options* options) {
  const char* equals = strchr(variable, '=');
  if (equals == nullptr) return;
  sys::FixedText<64> name;
  name.Append(variable, static_cast<std::size_t>(equals - variable));
  for (const Setting& setting : kSettings) {
    if (strcmp(setting.name, name.c_str()) != 0) continue;
    bool is_set = equals[1] == '\0' || Apply(setting.id, equals + 1, options);
    if (!is_set && reports) ReportValue(setting, equals + 1);
    return;
  }
  if (reports) ReportUnknown(name.c_str());
}

}  // namespace

void FollowUser(Options* options) {
  if (options->has_chosen_directory) return;
  auto uid = static_cast<std::uint64_t>(sys::RawSyscall(SYS_geteuid));
  options->runtime_directory.Clear();
  options->runtime_directory.Append("/dev/shm/limpet-").AppendNumber(uid);
}

void ReadOptions(const char* const* environment, bool reports, Options* options) {
  SetDefaults(options);
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    if (strncmp(*environment, kPrefix, kPrefixBytes) == 0)
      ApplyVariable(*environment, reports, options);
  }
}

}  // namespace limpet
