#include "tools/store/latest_link.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <optional>

#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "tools/store/dump_name.h"
#include "tools/store/open_folder.h"
#include "tools/store/temporary_file.h"

namespace limpet {
namespace {

// A link that we made, or nothing that would be lost.
bool IsOurs(const OpenFolder& folder, const std::string& name) {
  const std::optional<struct stat> facts = folder.Facts(name);
  return !facts.has_value() || S_ISLNK(facts->st_mode);
}

}  // namespace

void SetLink(const std::string& folder, const std::string& name, const std::string& target) {
  const std::optional<OpenFolder> open = OpenFolder::OpenNamed(folder);
  if (!open.has_value() || !IsOurs(*open, name) || open->Link(name) == target) return;
  const std::string temporary = TemporaryPath(folder);
  unlink(temporary.c_str());
  if (symlink(target.c_str(), temporary.c_str()) != 0) return;
  if (rename(temporary.c_str(), (folder + "/" + name).c_str()) != 0) unlink(temporary.c_str());
}

void UpdateLatestProfiles(const std::string& folder, const std::vector<DumpRecord>& dumps) {
  std::map<std::string, std::string> newest;
  for (const DumpRecord& dump : dumps) {
    for (const DumpFile& file : dump.files) {
      if (file.extension == kPprofExtension) newest[file.profile] = file.name;
    }
  }
  for (const auto& [profile, file] : newest) {
    SetLink(folder, absl::StrFormat("%s.%s%s", kLatestName, profile, kPprofExtension), file);
  }
  const std::optional<OpenFolder> open = OpenFolder::Open(folder);
  if (!open.has_value()) return;
  for (const std::string& name : open->Names()) {
    const std::string profile = LatestProfile(name);
    if (profile.empty() || newest.contains(profile)) continue;
    const std::optional<std::string> target = open->Link(name);
    if (target.has_value() && ParseDumpName(*target).has_value()) open->Remove(name);
  }
}

std::string LatestProfile(const std::string& name) {
  absl::string_view rest = name;
  const bool is_latest = absl::ConsumePrefix(&rest, absl::StrFormat("%s.", kLatestName)) &&
                         absl::ConsumeSuffix(&rest, kPprofExtension);
  return is_latest ? std::string(rest) : "";
}

}  // namespace limpet
