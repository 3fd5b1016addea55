#include "tools/reader/segment_directory.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/reader/process_facts.h"

namespace limpet {
namespace {

constexpr char kSharedMemory[] = "/dev/shm";
constexpr char kDirectoryPrefix[] = "limpet-";
constexpr char kSegmentSuffix[] = ".segment";

// SimpleAtoi also takes signs and blanks, which no target writes.
bool IsNumber(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos;
}

std::vector<std::string> EverybodysDirectories() {
  std::vector<std::string> directories;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kSharedMemory, error)) {
    const std::string name = entry.path().filename().string();
    if (absl::StartsWith(name, kDirectoryPrefix)) directories.push_back(entry.path().string());
  }
  std::sort(directories.begin(), directories.end());
  return directories;
}

}  // namespace

std::optional<SegmentName> ParseSegmentName(const std::string& file_name) {
  absl::string_view text = file_name;
  if (!absl::ConsumeSuffix(&text, kSegmentSuffix)) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
  SegmentName name;
  const bool is_valid = parts.size() == 2 && IsNumber(parts[0]) && IsNumber(parts[1]) &&
                        absl::SimpleAtoi(parts[0], &name.pid) &&
                        absl::SimpleAtoi(parts[1], &name.start_ticks);
  if (!is_valid) return std::nullopt;
  return name;
}

std::string DefaultRuntimeDirectory(std::uint32_t uid) {
  return absl::StrFormat("%s/%s%d", kSharedMemory, kDirectoryPrefix, uid);
}

std::vector<std::string> RuntimeDirectories(const std::string& chosen) {
  if (!chosen.empty()) return {chosen};
  const char* const environment = std::getenv("LIMPET_RUNTIME_DIR");
  if (environment != nullptr && *environment != '\0') return {environment};
  if (geteuid() == 0) return EverybodysDirectories();
  return {DefaultRuntimeDirectory(geteuid())};
}

std::vector<std::string> DirectoriesOf(std::uint32_t pid, std::uint32_t uid,
                                       const std::string& chosen, const std::string& proc) {
  std::vector<std::string> directories = RuntimeDirectories(chosen);
  if (!chosen.empty()) return directories;
  const std::string root = absl::StrFormat("%s/%d/root", proc, LivingThreadOf(pid, proc));
  const std::string usual = DefaultRuntimeDirectory(uid);
  const std::string own = ReadEnvironment(pid, "LIMPET_RUNTIME_DIR", proc).value_or("");
  directories.push_back(usual);
  directories.push_back(root + usual);
  if (!own.empty()) directories.push_back(root + AbsolutePathIn(pid, own, proc));
  return directories;
}

std::vector<SegmentEntry> ListSegments(const std::vector<std::string>& directories) {
  std::vector<SegmentEntry> entries;
  for (const std::string& directory : directories) {
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(directory, error)) {
      const std::optional<SegmentName> name = ParseSegmentName(file.path().filename().string());
      if (name.has_value()) entries.push_back({file.path().string(), *name});
    }
  }
  std::sort(entries.begin(), entries.end(), [](const SegmentEntry& a, const SegmentEntry& b) {
    return std::tie(a.name.pid, a.name.start_ticks, a.path) <
           std::tie(b.name.pid, b.name.start_ticks, b.path);
  });
  return entries;
}

std::optional<SegmentEntry> FindSegment(const std::vector<std::string>& directories,
                                        const SegmentName& name) {
  for (const SegmentEntry& entry : ListSegments(directories)) {
    if (entry.name == name) return entry;
  }
  return std::nullopt;
}

std::optional<SegmentEntry> FindNewestSegment(const std::vector<std::string>& directories,
                                              std::uint32_t pid) {
  std::optional<SegmentEntry> newest;
  for (const SegmentEntry& entry : ListSegments(directories)) {
    if (entry.name.pid == pid) newest = entry;  // the list ascends
  }
  return newest;
}

}  // namespace limpet
