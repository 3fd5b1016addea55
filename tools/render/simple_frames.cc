#include "tools/render/simple_frames.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "tools/profile/library_frames.h"
#include "tools/profile/simple_name.h"
#include "tools/render/printable_text.h"

namespace limpet {

namespace {

// The others are of code that was compiled at run time and named by a compiler of its own.
std::vector<bool> FunctionsOfModules(const Profile& profile) {
  std::vector<bool> has_module(profile.functions.size());
  for (const ProfileLocation& location : profile.locations) {
    if (location.mapping < 0) continue;
    for (const ProfileLine& line : location.lines) has_module[line.function] = true;
  }
  return has_module;
}

}  // namespace

SimpleFrames::SimpleFrames(const Profile& profile) : profile_(profile) {
  const std::vector<bool> has_module = FunctionsOfModules(profile);
  for (std::size_t index = 0; index < profile.functions.size(); ++index) {
    const std::string& name = profile.functions[index].name;
    names_.push_back(OneLine(has_module[index] ? SimpleName(name) : WholeName(name)));
    files_.push_back(OneLine(profile.functions[index].file));
  }
}

std::vector<SimpleFrame> SimpleFrames::Of(const std::vector<std::uint32_t>& locations) const {
  std::vector<SimpleFrame> frames;
  for (const std::uint32_t index : locations) {
    const ProfileLocation& location = profile_.locations[index];
    for (const ProfileLine& line : location.lines) frames.push_back(FrameOf(location, line));
  }
  while (frames.size() > 1 && IsThreadStart(frames.back().name)) frames.pop_back();
  return frames;
}

std::vector<SimpleFrame> SimpleFrames::ProgramOf(
    const std::vector<std::uint32_t>& locations) const {
  const std::vector<SimpleFrame> frames = Of(locations);
  std::vector<std::string_view> names;
  names.reserve(frames.size());
  for (const SimpleFrame& frame : frames) names.emplace_back(frame.name);
  const FrameRange range = FindProgram(names);
  const std::size_t first = range.first == 0 ? 0 : range.first - 1;
  return {frames.begin() + static_cast<std::ptrdiff_t>(first),
          frames.begin() + static_cast<std::ptrdiff_t>(range.last)};
}

std::optional<SimpleFrame> SimpleFrames::InnermostOf(
    const std::vector<std::uint32_t>& locations) const {
  const std::vector<SimpleFrame> frames = Of(locations);
  if (frames.empty()) return std::nullopt;
  const auto program = std::find_if(frames.begin(), frames.end(), [](const SimpleFrame& frame) {
    return !IsLibraryName(frame.name);
  });
  return program == frames.end() ? frames.front() : *program;
}

SimpleFrame SimpleFrames::FrameOf(const ProfileLocation& location, const ProfileLine& line) const {
  SimpleFrame frame{
      .name = names_[line.function], .file = files_[line.function], .line = line.line};
  if (location.mapping >= 0) {
    frame.module = OneLine(profile_.mappings[static_cast<std::size_t>(location.mapping)].file);
  }
  const bool is_inlined = &line != &location.lines.back();
  if (!is_inlined && location.entry != 0) frame.offset = location.address + 1 - location.entry;
  return frame;
}

}  // namespace limpet
