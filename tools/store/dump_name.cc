#include "tools/store/dump_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace limpet {
namespace {

constexpr char kTimeShape[] = "########T######Z";
constexpr std::size_t kTimeBytes = sizeof(kTimeShape) - 1;
constexpr std::size_t kMinDigits = 6;
constexpr std::size_t kMaxDigits = 19;
constexpr std::size_t kMaxProfileBytes = 32;
constexpr const char* kExtensions[] = {kPprofExtension, ".txt", ".collapsed"};

bool IsTime(absl::string_view text) {
  if (text.size() != kTimeBytes) return false;
  for (std::size_t index = 0; index < kTimeBytes; ++index) {
    const bool wants_digit = kTimeShape[index] == '#';
    if (wants_digit ? !absl::ascii_isdigit(static_cast<unsigned char>(text[index]))
                    : text[index] != kTimeShape[index]) {
      return false;
    }
  }
  return true;
}

// SimpleAtoi also takes signs and blanks, which we never write.
template <typename Number>
bool ParseDigits(absl::string_view text, Number& number) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos &&
         absl::SimpleAtoi(text, &number);
}

bool IsProfile(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxProfileBytes &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == absl::string_view::npos;
}

bool ParseProfile(absl::string_view text, DumpName& name) {
  for (const char* extension : kExtensions) {
    if (!absl::ConsumeSuffix(&text, extension)) continue;
    name.extension = extension;
    break;
  }
  name.profile = std::string(text);
  if (name.extension.empty()) return text == kSegmentProfile;
  return IsProfile(text);
}

}  // namespace

std::optional<DumpName> ParseDumpName(const std::string& file) {
  absl::string_view rest = file;
  if (!IsTime(rest.substr(0, kTimeBytes))) return std::nullopt;
  DumpName name{.time = file.substr(0, kTimeBytes)};
  rest.remove_prefix(kTimeBytes);
  if (!absl::ConsumePrefix(&rest, ".")) return std::nullopt;
  const std::size_t digits = std::min(rest.find('.'), rest.size());
  const bool is_numbered = digits >= kMinDigits && digits <= kMaxDigits &&
                           ParseDigits(rest.substr(0, digits), name.number);
  if (!is_numbered) return std::nullopt;
  rest.remove_prefix(digits);
  if (!absl::ConsumePrefix(&rest, ".") || !ParseProfile(rest, name)) return std::nullopt;
  return name;
}

std::string FormatDumpName(const DumpName& name) {
  return absl::StrFormat("%s.%06d.%s%s", name.time, name.number, name.profile, name.extension);
}

std::optional<FolderName> ParseFolderName(const std::string& folder) {
  const std::size_t point = folder.find_last_of('.');
  const std::size_t dash = folder.find_last_of('-');
  if (point == std::string::npos || point == 0 || dash == std::string::npos || dash < point) {
    return std::nullopt;
  }
  FolderName name;
  const absl::string_view text = folder;
  const bool is_ours = ParseDigits(text.substr(point + 1, dash - point - 1), name.pid) &&
                       ParseDigits(text.substr(dash + 1), name.start_ticks);
  if (!is_ours) return std::nullopt;
  return name;
}

std::string IsoTime(const std::string& time) {
  if (!IsTime(time)) return "";
  return absl::StrFormat("%s-%s-%sT%s:%s:%s", time.substr(0, 4), time.substr(4, 2),
                         time.substr(6, 2), time.substr(9, 2), time.substr(11, 2), time.substr(13));
}

}  // namespace limpet
