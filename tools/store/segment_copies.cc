#include "tools/store/segment_copies.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "tools/store/dump_name.h"
#include "tools/store/open_folder.h"

namespace limpet {
namespace {

bool IsOf(const std::string& folder, const SegmentName& process) {
  const std::optional<FolderName> name = ParseFolderName(folder);
  return name.has_value() && name->pid == process.pid && name->start_ticks == process.start_ticks;
}

// Only there does nobody else put or swap files.
bool IsOwn(const OpenFolder& folder) { return folder.owner_uid() == geteuid(); }

bool IsCopy(const OpenFolder& folder, const std::string& file) {
  const std::optional<DumpName> name = ParseDumpName(file);
  const std::optional<struct stat> facts = folder.Facts(file);
  return name.has_value() && name->profile == kSegmentProfile && facts.has_value() &&
         S_ISREG(facts->st_mode) && facts->st_uid == geteuid();
}

}  // namespace

std::vector<std::string> ListSegmentCopies(const std::string& directory,
                                           const SegmentName& process) {
  std::vector<std::string> copies;
  const std::optional<OpenFolder> open = OpenFolder::OpenNamed(directory);
  if (!open.has_value()) return copies;
  for (const std::string& name : open->Names()) {
    if (!IsOf(name, process)) continue;
    const std::optional<OpenFolder> folder = open->OpenInside(name);
    if (!folder.has_value() || !IsOwn(*folder)) continue;
    for (const std::string& file : folder->Names()) {
      if (IsCopy(*folder, file)) copies.push_back(folder->path() + "/" + file);
    }
  }
  std::sort(copies.begin(), copies.end());
  return copies;
}

void RemoveSegmentCopy(const std::string& path) {
  const std::filesystem::path place = path;
  const std::optional<OpenFolder> folder = OpenFolder::Open(place.parent_path());
  const std::string file = place.filename();
  if (folder.has_value() && IsOwn(*folder) && IsCopy(*folder, file)) folder->Remove(file);
}

}  // namespace limpet
