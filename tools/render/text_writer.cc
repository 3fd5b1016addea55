#include "tools/render/text_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/confidence.h"
#include "tools/profile/coverage.h"
#include "tools/profile/sample_order.h"
#include "tools/profile/stack_group.h"
#include "tools/render/contention_writer.h"
#include "tools/render/count_text_writer.h"
#include "tools/render/frame_lines.h"
#include "tools/render/printable_text.h"
#include "tools/render/tab_align.h"

namespace limpet {
namespace {

constexpr std::size_t kMostPids = 8;

struct Row {
  std::int64_t in_use_objects = 0, in_use_bytes = 0, allocated_objects = 0, allocated_bytes = 0;
};

// pprof refuses bytes without an object, which rounding can make.
Row RowOf(const ProfileSample& sample) {
  const auto objects = [&sample](std::size_t count, std::size_t bytes) {
    return std::max<std::int64_t>(sample.values[count], sample.values[bytes] != 0 ? 1 : 0);
  };
  return {objects(kInUseObjects, kInUseSpace), sample.values[kInUseSpace],
          objects(kAllocObjects, kAllocSpace), sample.values[kAllocSpace]};
}

std::string Numbers(const Row& row) {
  return absl::StrFormat("%d: %d [%d: %d] @", row.in_use_objects, row.in_use_bytes,
                         row.allocated_objects, row.allocated_bytes);
}

std::string Header(const std::vector<StackGroup>& groups) {
  Row total;
  for (const StackGroup& group : groups) {
    const Row row = RowOf(group.total);
    total.in_use_objects += row.in_use_objects;
    total.in_use_bytes += row.in_use_bytes;
    total.allocated_objects += row.allocated_objects;
    total.allocated_bytes += row.allocated_bytes;
  }
  // pprof takes equal pairs for a profile that has no "allocated" columns; Go adds 1 too.
  if (total.in_use_bytes == total.allocated_bytes) ++total.allocated_bytes;
  return "heap profile: " + Numbers(total) + " heap/2\n";
}

std::string EvidenceWords(const Profile& profile, const Evidence& evidence) {
  return absl::StrFormat(
      "%s, %s", Counted(evidence.samples, "sample"),
      ErrorWords(evidence.relative_error, static_cast<std::uint64_t>(profile.period)));
}

std::string EvidenceLine(const Profile& profile, const ProfileSample& sample) {
  std::vector<std::string> parts;
  const auto add = [&](const char* name, const Evidence& evidence) {
    if (evidence.samples == 0) return;
    parts.push_back(absl::StrFormat("%s: %s", name, EvidenceWords(profile, evidence)));
  };
  add("in use", sample.in_use);
  add("allocated", sample.allocated);
  return parts.empty() ? "" : "# " + absl::StrJoin(parts, "; ") + "\n";
}

// "101 2.0 MiB": what one process has in use, or what it allocated where that is nothing.
std::string ShareWords(const Profile& profile, const ProfileSample& sample) {
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
  const auto pid = labels.numbers.find(kPidLabel);
  const bool is_in_use = sample.values[kInUseObjects] != 0 || sample.values[kInUseSpace] != 0;
  const std::int64_t bytes = sample.values[is_in_use ? kInUseSpace : kAllocSpace];
  return absl::StrFormat("%d %s%s", pid == labels.numbers.end() ? 0 : pid->second.first,
                         FormatBytes(static_cast<std::uint64_t>(bytes)),
                         is_in_use ? "" : " allocated");
}

// Whose stack it is, in a profile of several processes.
std::string ProcessLine(const Profile& profile, const StackGroup& group) {
  if (group.parts.front()->labels < 0) return "";
  const std::size_t shown = std::min(group.parts.size(), kMostPids);
  std::vector<std::string> shares;
  for (std::size_t index = 0; index < shown; ++index) {
    shares.push_back(ShareWords(profile, *group.parts[index]));
  }
  if (shown < group.parts.size()) {
    shares.push_back(absl::StrFormat("%d more", group.parts.size() - shown));
  }
  return absl::StrFormat("# %d process%s, pid: %s\n", group.parts.size(),
                         group.parts.size() == 1 ? "" : "es", absl::StrJoin(shares, ", "));
}

std::string GroupText(const Profile& profile, const StackGroup& group) {
  const ProfileSample& sample = group.total;
  std::string text = Numbers(RowOf(sample));
  for (std::uint32_t index : sample.locations) {
    absl::StrAppendFormat(&text, " 0x%x", profile.locations[index].address + 1);
  }
  text += '\n' + EvidenceLine(profile, sample) + ProcessLine(profile, group);
  text += FrameComments(profile, sample.locations);
  return text + "\n";
}

}  // namespace

std::string WriteText(const Profile& profile) {
  if (profile.sample_types.size() == 1) return WriteCountText(profile);
  if (profile.sample_types.size() == 2) return WriteContentions(profile);
  const std::vector<StackGroup> groups = GroupStacks(profile);
  std::string text = Header(groups);
  // Each by itself: the empty line after it ends all columns. Rows of cells take five times the
  // memory of their text.
  for (const StackGroup& group : groups) text += AlignTabs(GroupText(profile, group));
  text += "\n# limpet\n";
  for (const std::string& comment : profile.comments) text += "# " + OneLine(comment) + "\n";
  return text;
}

}  // namespace limpet
