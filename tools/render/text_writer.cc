#include "tools/render/text_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/confidence.h"
#include "tools/render/printable_text.h"
#include "tools/render/tab_align.h"

namespace limpet {
namespace {

enum ValueIndex : std::size_t { kAllocObjects, kAllocSpace, kInUseObjects, kInUseSpace };

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

std::string Header(const Profile& profile) {
  Row total;
  for (const ProfileSample& sample : profile.samples) {
    const Row row = RowOf(sample);
    total.in_use_objects += row.in_use_objects;
    total.in_use_bytes += row.in_use_bytes;
    total.allocated_objects += row.allocated_objects;
    total.allocated_bytes += row.allocated_bytes;
  }
  // pprof takes equal pairs for a profile that has no "allocated" columns; Go adds 1 too.
  if (total.in_use_bytes == total.allocated_bytes) ++total.allocated_bytes;
  return "heap profile: " + Numbers(total) + " heap/2\n";
}

std::string FrameLine(const Profile& profile, const ProfileLocation& location,
                      const ProfileLine& line) {
  const ProfileFunction& function = profile.functions[line.function];
  std::string text = absl::StrFormat("#\t0x%x\t%s", location.address, OneLine(function.name));
  if (location.entry != 0) absl::StrAppendFormat(&text, "+0x%x", location.address - location.entry);
  if (!function.file.empty()) {
    absl::StrAppendFormat(&text, "\t%s:%d", OneLine(function.file), line.line);
  }
  return text + "\n";
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

std::string SampleText(const Profile& profile, const ProfileSample& sample) {
  std::string text = Numbers(RowOf(sample));
  for (std::uint32_t index : sample.locations) {
    absl::StrAppendFormat(&text, " 0x%x", profile.locations[index].address + 1);
  }
  text += '\n' + EvidenceLine(profile, sample);
  for (std::uint32_t index : sample.locations) {
    const ProfileLocation& location = profile.locations[index];
    for (const ProfileLine& line : location.lines) text += FrameLine(profile, location, line);
  }
  return text + "\n";
}

}  // namespace

std::string WriteText(const Profile& profile) {
  std::string text = Header(profile);
  // Each by itself: the empty line after it ends all columns. Rows of cells take five times the
  // memory of their text.
  for (const ProfileSample& sample : profile.samples) {
    text += AlignTabs(SampleText(profile, sample));
  }
  text += "\n# limpet\n";
  for (const std::string& comment : profile.comments) text += "# " + OneLine(comment) + "\n";
  return text;
}

}  // namespace limpet
