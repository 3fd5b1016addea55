#include "tools/reader/memory_limit.h"

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

using Words = std::vector<absl::string_view>;

// Above it nobody has so much memory: version 1 writes "no limit" as a number near 2^63.
constexpr std::uint64_t kNoLimitBytes = std::uint64_t{1} << 60;

// The names of one version's files.
struct Version {
  const char* limit;
  const char* usage;
  const char* inactive;  // line of memory.stat
};
constexpr Version kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                               "total_inactive_file"};
constexpr Version kVersion2 = {"memory.max", "memory.current", "inactive_file"};

// Where a hierarchy is mounted, and which of its cgroups is the top of what is seen there.
struct Mount {
  std::string point;
  std::string top;
  Version version = kVersion2;
};

std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  std::uint64_t number = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &number)) {
    return std::nullopt;
  }
  return number;
}

std::uint64_t ReadStat(const std::string& path, absl::string_view name) {
  const std::string text = ReadSmallFile(path).value_or("");
  std::uint64_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const Words words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == name && absl::SimpleAtoi(words[1], &number)) return number;
  }
  return 0;
}

bool HasController(absl::string_view list) {
  for (absl::string_view name : absl::StrSplit(list, ',')) {
    if (name == "memory") return true;
  }
  return false;
}

// A line of mountinfo: 36 35 98:0 /top /mount/point rw,noatime - type source options
std::optional<Mount> ParseMount(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> halves =
      absl::StrSplit(line, absl::MaxSplits(" - ", 1));
  const Words place = absl::StrSplit(halves.first, ' ');
  const Words kind = absl::StrSplit(halves.second, ' ');
  if (place.size() < 5 || kind.size() < 3) return std::nullopt;
  const bool is_memory_1 = kind[0] == "cgroup" && HasController(kind[2]);
  if (!is_memory_1 && kind[0] != "cgroup2") return std::nullopt;
  return Mount{std::string(place[4]), std::string(place[3]), is_memory_1 ? kVersion1 : kVersion2};
}

// Version 1 where the memory controller is there: beside it version 2 counts no memory.
std::optional<Mount> FindMount(const std::string& mountinfo) {
  std::optional<Mount> found;
  for (absl::string_view line : absl::StrSplit(mountinfo, '\n')) {
    const std::optional<Mount> mount = ParseMount(line);
    if (!mount.has_value()) continue;
    const bool is_version_1 = mount->version.limit == kVersion1.limit;
    if (!found.has_value() || is_version_1) found = mount;
  }
  return found;
}

// The cgroup of the hierarchy: a line `4:memory:/path`, or `0::/path` of version 2.
std::optional<std::string> FindCgroup(const std::string& cgroups, const Version& version) {
  const bool is_version_1 = version.limit == kVersion1.limit;
  for (absl::string_view line : absl::StrSplit(cgroups, '\n')) {
    const Words parts = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() != 3) continue;
    const bool is_it = is_version_1 ? HasController(parts[1]) : parts[1].empty();
    if (is_it) return std::string(parts[2]);
  }
  return std::nullopt;
}

// `path` as it lies below the mount point, "" for the top itself.
std::string BelowTop(const std::string& path, const std::string& top) {
  absl::string_view below = path;
  if (top != "/" && !absl::ConsumePrefix(&below, top)) return "";
  if (!absl::StartsWith(below, "/")) return "";  // the top itself, or no path
  return std::string(absl::StripSuffix(below, "/"));
}

std::optional<MemoryLimit> ReadLimitOf(const std::string& folder, const Version& version) {
  const std::optional<std::uint64_t> limit = ReadNumber(absl::StrCat(folder, "/", version.limit));
  const std::optional<std::uint64_t> usage = ReadNumber(absl::StrCat(folder, "/", version.usage));
  if (!limit.has_value() || !usage.has_value() || *limit >= kNoLimitBytes) return std::nullopt;
  const std::uint64_t inactive = ReadStat(absl::StrCat(folder, "/memory.stat"), version.inactive);
  return MemoryLimit{*usage - std::min(inactive, *usage), *limit};
}

}  // namespace

std::optional<MemoryLimit> ReadMemoryLimit(const std::string& pid, const std::string& root) {
  const std::string folder = absl::StrCat(root, "/proc/", pid);
  // Our own mounts are where we can look; the process's cgroup is named from our cgroup namespace.
  const std::optional<Mount> mount =
      FindMount(ReadSmallFile(absl::StrCat(root, "/proc/self/mountinfo")).value_or(""));
  if (!mount.has_value()) return std::nullopt;
  const std::optional<std::string> cgroup =
      FindCgroup(ReadSmallFile(folder + "/cgroup").value_or(""), mount->version);
  if (!cgroup.has_value()) return std::nullopt;

  std::optional<MemoryLimit> tightest;
  std::string below = BelowTop(*cgroup, mount->top);
  while (true) {
    const std::optional<MemoryLimit> limit =
        ReadLimitOf(absl::StrCat(root, mount->point, below), mount->version);
    const bool is_tighter =
        limit.has_value() && (!tightest.has_value() || limit->RoomBytes() < tightest->RoomBytes());
    if (is_tighter) tightest = limit;
    if (below.empty()) return tightest;
    below.resize(below.find_last_of('/'));
  }
}

}  // namespace limpet
