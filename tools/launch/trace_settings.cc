#include "tools/launch/trace_settings.h"

#include <signal.h>

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace limpet {
namespace {

constexpr std::uint64_t kMaxSampleBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kMinSegmentBytes = std::uint64_t{2} << 20;
constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{4} << 30;
constexpr std::size_t kMaxPathBytes = 255;

struct Unit {
  absl::string_view name;
  std::uint64_t bytes;
};
constexpr Unit kUnits[] = {
    {"", 1},        {"B", 1},         {"K", 1 << 10},        {"KiB", 1 << 10},
    {"KB", 1000},   {"M", 1 << 20},   {"MiB", 1 << 20},      {"MB", 1'000'000},
    {"G", 1 << 30}, {"GiB", 1 << 30}, {"GB", 1'000'000'000},
};

struct SignalNumber {
  absl::string_view name;
  int number;
};
constexpr SignalNumber kSignals[] = {
    {"NONE", 0},     {"HUP", SIGHUP},     {"QUIT", SIGQUIT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"URG", SIGURG}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
};

bool IsSampleBytes(absl::string_view text) {
  const std::optional<std::uint64_t> bytes = ParseByteCount(text);
  return bytes.has_value() && *bytes >= 1 && *bytes <= kMaxSampleBytes;
}

bool IsSegmentBytes(absl::string_view text) {
  const std::optional<std::uint64_t> bytes = ParseByteCount(text);
  return bytes.has_value() && *bytes >= kMinSegmentBytes && *bytes <= kMaxSegmentBytes;
}

bool IsSwitch(absl::string_view text) {
  for (absl::string_view word : {"1", "true", "yes", "on", "0", "false", "no", "off"}) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  return false;
}

bool IsSignal(absl::string_view text) { return ParseSignalName(text).has_value(); }
bool IsPath(absl::string_view text) { return !text.empty() && text.size() <= kMaxPathBytes; }
bool IsAnything(absl::string_view) { return true; }

constexpr char kSwitch[] = "0 or 1";
constexpr char kPath[] = "a path of at most 255 bytes";

constexpr TraceSetting kSettings[] = {
    {"LIMPET_DIR", "./limpet", "where profiles are written", kPath, IsPath},
    {"LIMPET_SAMPLE_BYTES", "512KiB", "mean bytes between samples; 1 records every allocation",
     "a size from 1 to 1TiB, such as 512KiB", IsSampleBytes},
    {"LIMPET_MAX_BYTES", "64MiB", "most memory of the trace (16MiB on a small /dev/shm)",
     "a size from 2MiB to 4GiB", IsSegmentBytes},
    {"LIMPET_SIGNAL", "USR1", "the signal that asks for a dump",
     "USR1, USR2, HUP, RTMIN+n, a number from 1 to 64, or none", IsSignal},
    {"LIMPET_DUMP_AT_EXIT", "0", "writes profiles when the program ends", kSwitch, IsSwitch},
    {"LIMPET_MMAP", "0", "also traces anonymous mappings, as profile `mmap`", kSwitch, IsSwitch},
    {"LIMPET_RUNTIME_DIR", "/dev/shm/limpet-UID", "where the trace itself lies", kPath, IsPath},
    {"LIMPET_COMPANION", "beside the library", "the `limpet` that a signal starts", kPath, IsPath},
    {"LIMPET_LIBRARY", "beside limpet", "the liblimpet.so that `limpet run` preloads", kPath,
     IsPath},
    {"LIMPET_DEBUGINFOD", "0", "asks debuginfod servers for names", "0 or 1", IsAnything},
    {"LIMPET_DISABLE", "0", "switches tracing off", kSwitch, IsSwitch},
};

// glibc keeps 32 and 33 for its threads; KILL and STOP cannot be caught.
bool IsCatchable(int number) {
  const bool is_reserved = number == SIGKILL || number == SIGSTOP || number == 32 || number == 33;
  return number >= 1 && number <= 64 && !is_reserved;
}

}  // namespace

std::span<const TraceSetting> TraceSettings() { return kSettings; }

absl::Status CheckSetting(absl::string_view name, absl::string_view value) {
  for (const TraceSetting& setting : kSettings) {
    if (setting.name != name) continue;
    if (setting.is_valid(value)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(name, "='", value, "': expected ", setting.expected));
  }
  return absl::InvalidArgumentError(absl::StrCat(name, " is no setting of limpet"));
}

std::optional<std::uint64_t> ParseByteCount(absl::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::uint64_t number = 0;
  if (!absl::SimpleAtoi(text.substr(0, digits), &number)) return std::nullopt;
  for (const Unit& unit : kUnits) {
    if (!absl::EqualsIgnoreCase(text.substr(digits), unit.name)) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return std::nullopt;
    return number * unit.bytes;
  }
  return std::nullopt;
}

std::optional<int> ParseSignalName(absl::string_view text) {
  if (absl::StartsWithIgnoreCase(text, "SIG")) text.remove_prefix(3);
  for (const SignalNumber& signal : kSignals) {
    if (absl::EqualsIgnoreCase(text, signal.name)) return signal.number;
  }
  int base = 0;
  if (absl::StartsWithIgnoreCase(text, "RTMIN")) {
    base = SIGRTMIN;
    text.remove_prefix(5);
    if (text.empty()) return base;
    if (!absl::ConsumePrefix(&text, "+")) return std::nullopt;
  }
  int number = 0;
  // SimpleAtoi also takes signs and blanks.
  if (text.find_first_not_of("0123456789") != absl::string_view::npos) return std::nullopt;
  if (!absl::SimpleAtoi(text, &number) || number > 64 || !IsCatchable(base + number)) {
    return std::nullopt;
  }
  return base + number;
}

}  // namespace limpet
