#include "tools/render/count_text_writer.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/render/frame_lines.h"
#include "tools/render/printable_text.h"
#include "tools/render/tab_align.h"

namespace limpet {
namespace {

struct CountRow {
  std::string stack;  // "@ 0x401136", and labels
  std::int64_t count = 0;
  const ProfileSample* sample = nullptr;  // the first of those that look alike
};

// As Go's strconv.Quote, of text that has no control letters left.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : OneLine(text)) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + "\"";
}

std::string LabelText(const Profile& profile, const ProfileSample& sample) {
  if (sample.labels < 0) return "";
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
  std::map<std::string, std::string> texts = labels.texts;
  for (const auto& [key, number] : labels.numbers) texts[key] = absl::StrCat(number.first);
  std::vector<std::string> pairs;
  pairs.reserve(texts.size());
  for (const auto& [key, text] : texts) pairs.push_back(Quoted(key) + ":" + Quoted(text));
  return pairs.empty() ? "" : "\n# labels: {" + absl::StrJoin(pairs, ", ") + "}";
}

// By which Go tells stacks apart, and sorts them.
std::string CountedStackText(const Profile& profile, const ProfileSample& sample) {
  std::string text = "@";
  for (const std::uint32_t index : sample.locations) {
    absl::StrAppendFormat(&text, " 0x%x", profile.locations[index].address + 1);
  }
  return text + LabelText(profile, sample);
}

// Markers have no address: their names tell them apart.
std::string MarkerNames(const Profile& profile, const ProfileSample& sample) {
  std::string names;
  for (const std::uint32_t index : sample.locations) {
    const ProfileLocation& location = profile.locations[index];
    if (location.address != 0) continue;
    for (const ProfileLine& line : location.lines)
      names += "\n" + profile.functions[line.function].name;
  }
  return names;
}

}  // namespace

std::string WriteCountText(const Profile& profile) {
  std::int64_t total = 0;
  std::map<std::string, CountRow> by_key;
  for (const ProfileSample& sample : profile.samples) {
    std::string stack = CountedStackText(profile, sample);
    CountRow& row = by_key[stack + MarkerNames(profile, sample)];
    if (row.sample == nullptr) row = {.stack = std::move(stack), .sample = &sample};
    row.count += sample.values[0];
    total += sample.values[0];
  }
  std::vector<std::pair<std::string, CountRow>> rows(by_key.begin(), by_key.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& one, const auto& other) {
    return one.second.count > other.second.count;
  });
  std::string text = absl::StrFormat("%s profile: total %d\n", profile.name, total);
  for (const auto& [key, row] : rows) {
    text += AlignTabs(absl::StrFormat("%d %s\n%s\n", row.count, row.stack,
                                      FrameComments(profile, row.sample->locations)));
  }
  text += "# limpet\n";
  for (const std::string& comment : profile.comments) text += "# " + OneLine(comment) + "\n";
  return text;
}

}  // namespace limpet
