#include "tools/render/contention_writer.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/render/frame_lines.h"
#include "tools/render/printable_text.h"
#include "tools/render/tab_align.h"

namespace limpet {
namespace {

std::string LabelLines(const Profile& profile, const ProfileSample& sample) {
  if (sample.labels < 0) return "";
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
  std::string lines;
  for (const auto& [key, text] : labels.texts)
    absl::StrAppendFormat(&lines, "# %s: %s\n", key, OneLine(text));
  for (const auto& [key, number] : labels.numbers)
    absl::StrAppendFormat(&lines, "# %s: %d\n", key, number.first);
  return lines;
}

std::string RowText(const Profile& profile, const ProfileSample& sample) {
  std::string text = absl::StrFormat("%d %d @", sample.values[1], sample.values[0]);
  for (const std::uint32_t index : sample.locations)
    absl::StrAppendFormat(&text, " 0x%x", profile.locations[index].address + 1);
  return text + "\n" + LabelLines(profile, sample) + FrameComments(profile, sample.locations) +
         "\n";
}

// Go scales what it has sampled before it writes it, so the period is 1.
std::string Header(const Profile& profile) {
  const bool is_of_holders = profile.name == "mutex";
  return absl::StrCat(is_of_holders ? "--- mutex:\n" : "--- contention:\n",
                      "cycles/second=1000000000\n", is_of_holders ? "sampling period=1\n" : "");
}

}  // namespace

std::string WriteContentions(const Profile& profile) {
  std::string text = Header(profile);
  for (const ProfileSample& sample : profile.samples) text += AlignTabs(RowText(profile, sample));
  text += "# limpet\n";
  for (const std::string& comment : profile.comments) text += "# " + OneLine(comment) + "\n";
  return text;
}

}  // namespace limpet
