#include "tools/reader/proc_text.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace limpet {
namespace {

// The rest of the line that begins with `KEY:`.
std::optional<absl::string_view> FindLine(absl::string_view text, const std::string& key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, key) && line.substr(key.size(), 1) == ":") {
      return line.substr(key.size() + 1);
    }
  }
  return std::nullopt;
}

std::vector<absl::string_view> WordsOf(absl::string_view line) {
  return absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

bool ParseMask(const std::string& status, const std::string& key, std::uint64_t& mask) {
  const std::optional<absl::string_view> line = FindLine(status, key);
  return line.has_value() && absl::SimpleHexAtoi(absl::StripAsciiWhitespace(*line), &mask);
}

}  // namespace

std::optional<StatFacts> ParseStat(const std::string& stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      WordsOf(absl::string_view(stat).substr(name_end + 1));
  constexpr std::size_t kStateField = 0;  // field 3 of the man page
  constexpr std::size_t kParentField = 1;
  constexpr std::size_t kFlagsField = 6;        // field 9, PF_ of linux/sched.h
  constexpr std::size_t kThreadsField = 17;     // field 20
  constexpr std::size_t kStartTicksField = 19;  // field 22
  constexpr std::size_t kExitCodeField = 49;    // field 52, since Linux 3.5
  constexpr std::uint32_t kExitingFlag = 4;     // PF_EXITING
  StatFacts facts;
  std::uint32_t flags = 0;
  if (fields.size() <= kStartTicksField || fields[kStateField].size() != 1 ||
      !absl::SimpleAtoi(fields[kParentField], &facts.parent_pid) ||
      !absl::SimpleAtoi(fields[kThreadsField], &facts.threads) ||
      !absl::SimpleAtoi(fields[kStartTicksField], &facts.start_ticks)) {
    return std::nullopt;
  }
  facts.state = fields[kStateField][0];
  facts.is_exiting = absl::SimpleAtoi(fields[kFlagsField], &flags) && (flags & kExitingFlag) != 0;
  const bool has_exit_code =
      fields.size() > kExitCodeField && absl::SimpleAtoi(fields[kExitCodeField], &facts.exit_code);
  if (!has_exit_code) facts.exit_code = 0;
  const std::size_t name_start = stat.find('(');
  if (name_start < name_end) facts.name = stat.substr(name_start + 1, name_end - name_start - 1);
  return facts;
}

std::optional<TaskSyscall> ParseSyscall(const std::string& text) {
  const std::vector<absl::string_view> words = WordsOf(absl::StripSuffix(text, "\n"));
  TaskSyscall call;
  if (words.size() == 1 && words[0] == "running") {
    call.is_running = true;
    return call;
  }
  constexpr std::size_t kWordsOfCall = 9, kWordsOutside = 3;
  if (words.empty() || !absl::SimpleAtoi(words[0], &call.number)) return std::nullopt;
  if (words.size() != (call.number < 0 ? kWordsOutside : kWordsOfCall)) return std::nullopt;
  std::vector<std::uint64_t> values(words.size() - 1);
  for (std::size_t index = 0; index < values.size(); ++index) {
    if (!absl::SimpleHexAtoi(words[index + 1], &values[index])) return std::nullopt;
  }
  call.instruction = values.back();
  call.stack_pointer = values[values.size() - 2];
  if (call.number >= 0) std::copy_n(values.begin(), call.arguments.size(), call.arguments.begin());
  return call;
}

std::vector<MappedRange> ParseMaps(const std::string& maps) {
  std::vector<MappedRange> ranges;
  for (absl::string_view line : absl::StrSplit(maps, '\n')) {
    // 7f00-7f10 r-xp 00001000 fd:00 12    /usr/lib/libc.so.6; a path may have blanks
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::MaxSplits(' ', 5));
    if (words.size() < 5 || words[1].size() < 4) continue;
    const std::vector<absl::string_view> bounds = absl::StrSplit(words[0], '-');
    MappedRange range{.is_executable = words[1][2] == 'x'};
    const bool is_range = bounds.size() == 2 && absl::SimpleHexAtoi(bounds[0], &range.start) &&
                          absl::SimpleHexAtoi(bounds[1], &range.end) &&
                          absl::SimpleHexAtoi(words[2], &range.file_offset) &&
                          range.start < range.end;
    if (!is_range) continue;
    if (words.size() > 5) range.path = std::string(absl::StripLeadingAsciiWhitespace(words[5]));
    ranges.push_back(std::move(range));
  }
  return ranges;
}

std::optional<std::uint64_t> ParseField(const std::string& status, const std::string& key) {
  const std::vector<absl::string_view> words = WordsOf(FindLine(status, key).value_or(""));
  std::uint64_t value = 0;
  if (words.empty() || !absl::SimpleAtoi(words[0], &value)) return std::nullopt;
  const bool is_kb = words.size() > 1 && words[1] == "kB";
  if (is_kb && value > UINT64_MAX / 1024) return std::nullopt;
  return is_kb ? value * 1024 : value;
}

std::optional<SignalFacts> ParseSignals(const std::string& status) {
  SignalFacts facts;
  const std::optional<absl::string_view> state = FindLine(status, "State");
  if (!state.has_value() || !ParseMask(status, "SigPnd", facts.pending) ||
      !ParseMask(status, "SigBlk", facts.blocked) || !ParseMask(status, "SigCgt", facts.caught)) {
    return std::nullopt;
  }
  facts.is_running = absl::StartsWith(absl::StripLeadingAsciiWhitespace(*state), "R");
  facts.is_strict = ParseField(status, "Seccomp") == 1U;
  return facts;
}

std::optional<std::uint32_t> ParseNamespacePid(const std::string& status) {
  const std::vector<absl::string_view> words = WordsOf(FindLine(status, "NSpid").value_or(""));
  std::uint32_t pid = 0;
  if (words.empty() || !absl::SimpleAtoi(words.back(), &pid)) return std::nullopt;
  return pid;
}

std::optional<std::uint64_t> ParseNamespaceLink(const std::string& link) {
  absl::string_view text = link;
  std::uint64_t inode = 0;
  const bool is_link = absl::ConsumePrefix(&text, "pid:[") && absl::ConsumeSuffix(&text, "]") &&
                       absl::SimpleAtoi(text, &inode);
  return is_link ? std::optional<std::uint64_t>(inode) : std::nullopt;
}

std::optional<std::uint32_t> ParseEffectiveUid(const std::string& status) {
  const std::vector<absl::string_view> words = WordsOf(FindLine(status, "Uid").value_or(""));
  std::uint32_t uid = 0;
  if (words.size() < 2 || !absl::SimpleAtoi(words[1], &uid)) return std::nullopt;
  return uid;
}

bool MapsHaveLibrary(const std::string& maps, const std::string& library) {
  const std::string in_folder = "/" + library;
  for (absl::string_view line : absl::StrSplit(maps, '\n')) {
    const std::size_t last_slash = line.rfind('/');
    if (last_slash != absl::string_view::npos &&
        absl::StartsWith(line.substr(last_slash), in_folder)) {
      return true;
    }
  }
  return false;
}

MappedNode FindMappedNode(const std::string& maps, const std::string& name) {
  for (absl::string_view line : absl::StrSplit(maps, '\n')) {
    absl::ConsumeSuffix(&line, " (deleted)");
    if (!absl::EndsWith(line, "/" + name)) continue;
    // 7f00-7f10 rw-s 00000000 00:1a 12   /dev/shm/limpet-0/12-34.segment
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 6) continue;
    const std::vector<absl::string_view> device = absl::StrSplit(words[3], ':');
    std::uint32_t major_number = 0, minor_number = 0;
    MappedNode file;
    const bool is_file = device.size() == 2 && absl::SimpleHexAtoi(device[0], &major_number) &&
                         absl::SimpleHexAtoi(device[1], &minor_number) &&
                         absl::SimpleAtoi(words[4], &file.inode);
    if (!is_file) continue;
    file.device = makedev(major_number, minor_number);
    return file;
  }
  return {};
}

std::optional<std::string> EnvironmentValue(const std::string& environment,
                                            const std::string& name) {
  for (absl::string_view variable : absl::StrSplit(environment, '\0')) {
    if (absl::StartsWith(variable, name) && variable.substr(name.size(), 1) == "=") {
      return std::string(variable.substr(name.size() + 1));
    }
  }
  return std::nullopt;
}

}  // namespace limpet
