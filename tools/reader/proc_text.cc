#include "tools/reader/proc_text.h"

#include <sys/sysmacros.h>

#include <vector>

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
  return facts;
}

std::optional<std::uint64_t> ParseField(const std::string& status, const std::string& key) {
  const std::vector<absl::string_view> words = WordsOf(FindLine(status, key).value_or(""));
  std::uint64_t value = 0;
  if (words.empty() || !absl::SimpleAtoi(words[0], &value)) return std::nullopt;
  const bool is_kb = words.size() > 1 && words[1] == "kB";
  if (is_kb && value > UINT64_MAX / 1024) return std::nullopt;
  return is_kb ? value * 1024 : value;
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
