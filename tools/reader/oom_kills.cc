#include "tools/reader/oom_kills.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/reader/memory_cgroup.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr char kOomKill[] = "oom_kill";

}  // namespace

void OomKills::Look(std::uint32_t pid, const std::string& root) {
  const std::string name = absl::StrCat(pid);
  std::string cgroup = ReadSmallFile(absl::StrCat(root, "/proc/", name, "/cgroup")).value_or("");
  if (cgroup != cgroup_) {  // the first time, or it has moved
    const std::optional<MemoryCgroup> found = FindMemoryCgroup(name, root);
    file_ = found.has_value() ? absl::StrCat(found->mount, found->below, "/", found->files.events)
                              : std::string();
    cgroup_ = std::move(cgroup);
  }
  seen_ = file_.empty() ? std::nullopt : ReadCgroupCount(file_, kOomKill);
}

std::uint32_t OomKills::Count() const {
  const std::optional<std::uint64_t> now =
      seen_.has_value() ? ReadCgroupCount(file_, kOomKill) : seen_;
  if (!now.has_value() || *now <= *seen_) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*now - *seen_, UINT32_MAX));
}

}  // namespace limpet
