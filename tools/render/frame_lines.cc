#include "tools/render/frame_lines.h"

#include "absl/strings/str_format.h"
#include "tools/render/printable_text.h"

namespace limpet {
namespace {

std::string FrameComment(const Profile& profile, const ProfileLocation& location,
                         const ProfileLine& line) {
  const ProfileFunction& function = profile.functions[line.function];
  std::string text = absl::StrFormat("#\t0x%x\t%s", location.address, OneLine(function.name));
  if (location.entry != 0) absl::StrAppendFormat(&text, "+0x%x", location.address - location.entry);
  if (!function.file.empty()) {
    absl::StrAppendFormat(&text, "\t%s:%d", OneLine(function.file), line.line);
  }
  return text + "\n";
}

}  // namespace

std::string FrameComments(const Profile& profile, const std::vector<std::uint32_t>& locations) {
  std::string text;
  for (const std::uint32_t index : locations) {
    const ProfileLocation& location = profile.locations[index];
    for (const ProfileLine& line : location.lines) text += FrameComment(profile, location, line);
  }
  return text;
}

}  // namespace limpet
