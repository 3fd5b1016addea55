#include "tools/store/latest_link.h"

#include <map>
#include <optional>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "tools/store/dump_name.h"
#include "tools/store/temporary_file.h"

namespace limpet {
namespace {

// A link that we made, or nothing that would be lost.
bool IsOurs(const OpenFolder& folder, const std::string& name) {
  const std::optional<struct stat> facts = folder.Facts(name);
  return !facts.has_value() || S_ISLNK(facts->st_mode);
}

}  // namespace

void SetLink(const OpenFolder& folder, const std::string& name, const std::string& target) {
  if (!IsOurs(folder, name) || folder.Link(name) == target) return;
  const std::string temporary = TemporaryName();
  folder.Remove(temporary);
  if (!folder.MakeLink(temporary, target)) return;
  if (!folder.Rename(temporary, name)) folder.Remove(temporary);
}

void UpdateLatestProfiles(const OpenFolder& folder, const std::vector<DumpRecord>& dumps) {
  std::map<std::string, std::string> newest;
  for (const DumpRecord& dump : dumps) {
    for (const DumpFile& file : dump.files) {
      if (file.extension == kPprofExtension) newest[file.profile] = file.name;
    }
  }
  for (const auto& [profile, file] : newest) {
    SetLink(folder, absl::StrFormat("%s.%s%s", kLatestName, profile, kPprofExtension), file);
  }
  for (const std::string& name : folder.Names()) {
    const std::string profile = LatestProfile(name);
    if (profile.empty() || newest.contains(profile)) continue;
    const std::optional<std::string> target = folder.Link(name);
    if (target.has_value() && ParseDumpName(*target).has_value()) folder.Remove(name);
  }
}

std::string LatestProfile(const std::string& name) {
  absl::string_view rest = name;
  const bool is_latest = absl::ConsumePrefix(&rest, absl::StrFormat("%s.", kLatestName)) &&
                         absl::ConsumeSuffix(&rest, kPprofExtension);
  return is_latest ? std::string(rest) : "";
}

}  // namespace limpet
