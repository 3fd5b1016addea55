#include "tools/store/dump_path.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <regex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "tools/profile/frame_namer.h"

namespace limpet {
namespace {

constexpr char kLetters[] = "epstnhP%";

// A part of a name that comes from the target must stay inside one part of the path.
std::string Component(std::string text) {
  for (char& letter : text) {
    const bool is_plain = letter > ' ' && letter < 0x7F && letter != '/' && letter != '\\';
    if (!is_plain) letter = '_';
  }
  if (text.empty() || text == "." || text == "..") return "_";
  return text;
}

std::string Expand(char letter, const DumpNames& names) {
  switch (letter) {
    case 'e':
      return Component(BaseName(names.executable));
    case 'p':
      return absl::StrFormat("%d", names.pid);
    case 's':
      return absl::StrFormat("%d", names.start_ticks);
    case 't':
      return FormatUtc(names.time_unix_ns);
    case 'n':
      return absl::StrFormat("%06d", names.number);
    case 'h':
      return Component(names.host);
    case 'P':
      return Component(names.profile);
    default:
      return "%";
  }
}

std::string LastPart(const std::string& pattern) {
  return pattern.substr(pattern.find_last_of('/') + 1);
}

// What a specifier can have become in a file name; the number is the only group.
std::string Expression(char letter) {
  switch (letter) {
    case 'p':
    case 's':
      return "[0-9]+";
    case 't':
      return "[0-9]{8}T[0-9]{6}Z";
    case 'n':
      return "([0-9]{6,19})";
    case '%':
      return "%";
    default:
      return ".+";
  }
}

// Matches the names of all files that this part of a pattern ever made.
std::regex NameExpression(const std::string& part) {
  static constexpr char kSpecial[] = R"(^$\.*+?()[]{}|)";
  std::string expression;
  for (std::size_t index = 0; index < part.size(); ++index) {
    if (part[index] == '%' && index + 1 < part.size()) {
      expression += Expression(part[++index]);
      continue;
    }
    if (std::strchr(kSpecial, part[index]) != nullptr) expression += '\\';
    expression += part[index];
  }
  return std::regex(expression);
}

}  // namespace

absl::Status CheckPattern(const std::string& pattern) {
  for (std::size_t index = 0; index < pattern.size(); ++index) {
    if (pattern[index] != '%') continue;
    const std::string letter = pattern.substr(++index, 1);
    if (letter.empty() || std::string(kLetters).find(letter) == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "output pattern '%s': %%%s means nothing; use %%e %%p %%s %%t %%n %%h %%P or %%%%",
          pattern, letter));
    }
    const bool is_of_file = letter == "n" || letter == "P";
    if (is_of_file && pattern.find('/', index) != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "output pattern '%s': all files of a dump lie in one folder, so %%%s belongs behind the "
          "last slash",
          pattern, letter));
    }
  }
  if (LastPart(pattern).empty()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "output pattern '%s' names no file: add one, as %s%%t.%%n.%%P.pb.gz", pattern, pattern));
  }
  return absl::OkStatus();
}

std::string ExpandPattern(const std::string& pattern, const DumpNames& names) {
  std::string path;
  for (std::size_t index = 0; index < pattern.size(); ++index) {
    if (pattern[index] != '%' || index + 1 == pattern.size()) {
      path += pattern[index];
    } else {
      path += Expand(pattern[++index], names);
    }
  }
  return path;
}

bool PatternHas(const std::string& pattern, char letter) {
  for (std::size_t index = 0; index + 1 < pattern.size(); ++index) {
    if (pattern[index] != '%') continue;
    if (pattern[++index] == letter) return true;
  }
  return false;
}

std::string EscapePattern(const std::string& text) {
  return absl::StrReplaceAll(text, {{"%", "%%"}});
}

std::uint64_t NextNumber(const std::vector<std::string>& files, const std::string& pattern) {
  if (!PatternHas(pattern, 'n')) return 1;
  const std::regex expression = NameExpression(LastPart(pattern));
  std::uint64_t largest = 0;
  for (const std::string& name : files) {
    std::smatch match;
    std::uint64_t number = 0;
    if (std::regex_match(name, match, expression) && absl::SimpleAtoi(match[1].str(), &number)) {
      largest = std::max(largest, number);
    }
  }
  return largest + 1;
}

std::string FormatUtc(std::int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc = {};
  gmtime_r(&seconds, &utc);
  char text[32];
  const std::size_t bytes = std::strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", &utc);
  return std::string(text, bytes);
}

}  // namespace limpet
