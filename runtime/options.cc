#include "runtime/options.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

constexpr char kPrefix[] = "LIMPET_";
constexpr std::size_t kPrefixBytes = sizeof(kPrefix) - 1;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
char Upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool EqualsIgnoringCase(const char* a, const char* b) {
  while (*a != '\0' && Upper(*a) == Upper(*b)) ++a, ++b;
  return Upper(*a) == Upper(*b);
}

bool SkipPrefix(const char** text, const char* prefix) {
  const char* rest = *text;
  for (; *prefix != '\0'; ++prefix, ++rest) {
    if (Upper(*rest) != *prefix) return false;
  }
  *text = rest;
  return true;
}

bool TakeNumber(const char** text, std::uint64_t* value) {
  if (!IsDigit(**text)) return false;
  std::uint64_t number = 0;
  for (; IsDigit(**text); ++*text) {
    auto digit = static_cast<std::uint64_t>(**text - '0');
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, digit, &number))
      return false;
  }
  *value = number;
  return true;
}

struct Unit {
  const char* name;
  std::uint64_t bytes;
};
constexpr std::uint64_t kTera = std::uint64_t{1} << 40;
constexpr Unit kUnits[] = {
    {"", 1},
    {"B", 1},
    {"K", 1 << 10},
    {"KiB", 1 << 10},
    {"KB", 1000},
    {"M", 1 << 20},
    {"MiB", 1 << 20},
    {"MB", 1'000'000},
    {"G", 1 << 30},
    {"GiB", 1 << 30},
    {"GB", 1'000'000'000},
    {"T", kTera},
    {"TiB", kTera},
    {"TB", 1'000'000'000'000},
};

struct SignalName {
  const char* name;
  int number;
};
constexpr SignalName kSignalNames[] = {
    {"NONE", 0},     {"HUP", SIGHUP},     {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"URG", SIGURG}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
};

bool IsUsableSignal(std::uint64_t number) {
  // A handler that returns from a fault runs the faulting instruction again, for ever; glibc keeps
  // 32 and 33 for its threads.
  static constexpr std::uint64_t kUnusable[] = {SIGKILL, SIGSTOP, SIGILL, SIGTRAP, SIGBUS,
                                                SIGFPE,  SIGSEGV, 32,     33};
  for (std::uint64_t unusable : kUnusable) {
    if (number == unusable) return false;
  }
  return number >= 1 && number <= 64;
}

constexpr std::size_t kReportedBytes = 200;  // of a value; the cure must fit behind it

void AppendPrintable(const char* text, sys::FixedText<512>* line) {
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

void Report(const char* name, const char* value, const char* expected) {
  sys::FixedText<512> line;
  line.Append("limpet: ").Append(name);
  if (value != nullptr) {
    line.Append("='");
    AppendPrintable(value, &line);
    line.Append("'");
  }
  line.Append(": ").Append(expected).Append("\n");
  WriteToStandardError(line.c_str(), line.size());
}

// A setting's name and how its text is taken over; `expected` completes the message when it is not.
struct Setting {
  const char* name;
  bool (*apply)(const char* text, Options* options);
  const char* expected;
};

bool ApplyInterval(const char* text, Options* options) {
  std::uint64_t bytes = 0;
  if (!ParseByteCount(text, &bytes) || bytes < 1 || bytes > kMaxSampleBytes) return false;
  options->sample_bytes = bytes;
  return true;
}

bool ApplyMaxBytes(const char* text, Options* options) {
  std::uint64_t bytes = 0;
  if (!ParseByteCount(text, &bytes)) return false;
  if (bytes < kMinSegmentBytes || bytes > kMaxSegmentBytes) return false;
  options->max_bytes = bytes;
  return true;
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

constexpr char kSizeHint[] =
    "expected a size such as 512KiB, 1MiB or 1 (every allocation), at most 1TiB; using 512KiB";
constexpr char kLimitHint[] = "expected a size from 2MiB to 4GiB; using 64MiB";
constexpr char kSwitchHint[] = "expected 0 or 1; using 0";
constexpr char kSignalHint[] =
    "expected USR1, USR2, HUP, RTMIN+n, a number from 1 to 64 or none; using USR1";
constexpr char kPathHint[] =
    "expected a path, made absolute at most 511 bytes (LIMPET_RUNTIME_DIR 255); using the default";

constexpr Setting kSettings[] = {
    {"LIMPET_DISABLE", [](const char* t, Options* o) { return ParseSwitch(t, &o->is_disabled); },
     kSwitchHint},
    {"LIMPET_SAMPLE_BYTES", ApplyInterval, kSizeHint},
    {"LIMPET_MAX_BYTES", ApplyMaxBytes, kLimitHint},
    {"LIMPET_SIGNAL", [](const char* t, Options* o) { return ParseSignal(t, &o->dump_signal); },
     kSignalHint},
    {"LIMPET_DUMP_AT_EXIT",
     [](const char* t, Options* o) { return ParseSwitch(t, &o->dumps_at_exit); }, kSwitchHint},
    {"LIMPET_MMAP", [](const char* t, Options* o) { return ParseSwitch(t, &o->traces_mappings); },
     kSwitchHint},
    {"LIMPET_DIR", [](const char* t, Options* o) { return ApplyPath(t, &o->dump_directory); },
     kPathHint},
    {"LIMPET_RUNTIME_DIR",
     [](const char* t, Options* o) { return ApplyPath(t, &o->runtime_directory); }, kPathHint},
    {"LIMPET_COMPANION", [](const char* t, Options* o) { return ApplyPath(t, &o->companion); },
     kPathHint},
    // Read by the companion alone.
    {"LIMPET_LIBRARY", [](const char*, Options*) { return true; }, ""},
    {"LIMPET_DEBUGINFOD", [](const char*, Options*) { return true; }, ""},
};

void SetDefaults(Options* options) {
  *options = Options();
  options->sample_bytes = kDefaultSampleBytes;
  options->dump_signal = SIGUSR1;
  if (!ApplyPath("limpet", &options->dump_directory)) options->dump_directory.Append("/tmp/limpet");
  auto uid = static_cast<std::uint64_t>(sys::RawSyscall(SYS_geteuid));
  options->runtime_directory.Append("/dev/shm/limpet-").AppendNumber(uid);
}

void ApplyVariable(const char* variable, bool reports, Options* options) {
  const char* equals = strchr(variable, '=');
  if (equals == nullptr) return;
  sys::FixedText<64> name;
  name.Append(variable, static_cast<std::size_t>(equals - variable));
  for (const Setting& setting : kSettings) {
    if (strcmp(setting.name, name.c_str()) != 0) continue;
    bool is_set = equals[1] == '\0' || setting.apply(equals + 1, options);
    if (!is_set && reports) Report(setting.name, equals + 1, setting.expected);
    return;
  }
  if (reports) Report(name.c_str(), nullptr, "no such setting; `limpet doctor` lists them");
}

}  // namespace

bool ParseByteCount(const char* text, std::uint64_t* value) {
  std::uint64_t number = 0;
  if (!TakeNumber(&text, &number)) return false;
  for (const Unit& unit : kUnits) {
    if (!EqualsIgnoringCase(text, unit.name)) continue;
    bool fits = !__builtin_mul_overflow(number, unit.bytes, &number);
    if (fits) *value = number;
    return fits;
  }
  return false;
}

bool ParseSwitch(const char* text, bool* value) {
  static constexpr const char* kOn[] = {"1", "true", "yes", "on"};
  static constexpr const char* kOff[] = {"0", "false", "no", "off"};
  for (int i = 0; i < 4; ++i) {
    bool is_on = EqualsIgnoringCase(text, kOn[i]);
    if (!is_on && !EqualsIgnoringCase(text, kOff[i])) continue;
    *value = is_on;
    return true;
  }
  return false;
}

bool ParseSignal(const char* text, int* value) {
  std::uint64_t number = 0;
  SkipPrefix(&text, "SIG");
  for (const SignalName& signal : kSignalNames) {
    if (!EqualsIgnoringCase(text, signal.name)) continue;
    *value = signal.number;
    return true;
  }
  bool is_realtime = SkipPrefix(&text, "RTMIN");
  bool is_bare = is_realtime && *text == '\0';
  if (is_realtime && *text == '+') ++text;
  if (!is_bare && (!TakeNumber(&text, &number) || *text != '\0' || number > 64)) return false;
  if (is_realtime) number += static_cast<std::uint64_t>(SIGRTMIN);
  if (!IsUsableSignal(number)) return false;
  *value = static_cast<int>(number);
  return true;
}

void ReadOptions(const char* const* environment, bool reports, Options* options) {
  SetDefaults(options);
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    if (strncmp(*environment, kPrefix, kPrefixBytes) == 0)
      ApplyVariable(*environment, reports, options);
  }
}

}  // namespace limpet
