#include "tools/render/collapsed_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/strings/str_format.h"
#include "tools/render/printable_text.h"

namespace limpet {
namespace {

std::size_t ShownValue(const Profile& profile) {
  for (std::size_t index = 0; index < profile.sample_types.size(); ++index) {
    if (profile.sample_types[index].type == profile.default_sample_type) return index;
  }
  return profile.sample_types.empty() ? 0 : profile.sample_types.size() - 1;
}

// ';' parts frames here, and nothing quotes it.
std::string FrameName(const std::string& text) {
  std::string name = OneLine(text);
  std::replace(name.begin(), name.end(), ';', ':');
  return name;
}

// Outermost, as perf has it: a graph of several programs begins with them.
std::string ProcessName(const Profile& profile, const ProfileSample& sample) {
  if (sample.labels < 0) return "";
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
  const auto process = labels.texts.find(kProcessLabel);
  return process == labels.texts.end() ? "" : FrameName(process->second);
}

std::string StackText(const Profile& profile, const ProfileSample& sample) {
  std::string stack = ProcessName(profile, sample);
  for (auto index = sample.locations.rbegin(); index != sample.locations.rend(); ++index) {
    const std::vector<ProfileLine>& lines = profile.locations[*index].lines;
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
      if (!stack.empty()) stack += ';';
      stack += FrameName(profile.functions[line->function].name);
    }
  }
  return stack;
}

}  // namespace

std::string WriteCollapsed(const Profile& profile) {
  const std::size_t shown = ShownValue(profile);
  std::map<std::string, std::int64_t> stacks;  // different addresses may have the same names
  for (const ProfileSample& sample : profile.samples) {
    if (sample.values[shown] == 0) continue;
    std::int64_t& sum = stacks[StackText(profile, sample)];
    if (__builtin_add_overflow(sum, sample.values[shown], &sum)) sum = INT64_MAX;  // forged
  }
  std::string text;
  for (const auto& [stack, value] : stacks) absl::StrAppendFormat(&text, "%s %d\n", stack, value);
  return text;
}

}  // namespace limpet
