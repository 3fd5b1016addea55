#include "tools/reader/memory_cgroup.h"

#include <utility>
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

constexpr MemoryCgroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                         "total_inactive_file", "memory.oom_control"};
constexpr MemoryCgroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file",
                                         "memory.events"};

// Where a hierarchy is mounted, and which of its cgroups is the top of what is seen there.
struct Mount {
  std::string point;
  std::string top;
  MemoryCgroupFiles version = kVersion2;
};

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
std::optional<std::string> FindCgroup(const std::string& cgroups,
                                      const MemoryCgroupFiles& version) {
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

}  // namespace

std::optional<std::uint64_t> ReadCgroupCount(const std::string& path, const std::string& name) {
  const std::string text = ReadSmallFile(path).value_or("");
  std::uint64_t number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const Words words = absl::StrSplit(line, ' ');
    if (words.size() == 2 && words[0] == name && absl::SimpleAtoi(words[1], &number)) return number;
  }
  return std::nullopt;
}

std::optional<MemoryCgroup> FindMemoryCgroup(const std::string& pid, const std::string& root) {
  // Our own mounts are where we can look; the process's cgroup is named from our cgroup namespace.
  const std::optional<Mount> mount =
      FindMount(ReadSmallFile(absl::StrCat(root, "/proc/self/mountinfo")).value_or(""));
  if (!mount.has_value()) return std::nullopt;
  const std::string cgroups =
      ReadSmallFile(absl::StrCat(root, "/proc/", pid, "/cgroup")).value_or("");
  const std::optional<std::string> cgroup = FindCgroup(cgroups, mount->version);
  if (!cgroup.has_value()) return std::nullopt;
  return MemoryCgroup{absl::StrCat(root, mount->point), BelowTop(*cgroup, mount->top),
                      mount->version};
}

}  // namespace limpet
