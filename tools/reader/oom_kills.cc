#include "tools/reader/oom_kills.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/reader/memory_cgroup.h"
#include "tools/reader/proc_text.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr char kOomKill[] = "oom_kill";
// Tearing down takes the kernel about a second for some ten GiB.
constexpr std::uint64_t kTearDownNs = 10'000'000'000;

// Version 1 shows one that ends in the topmost cgroup.
bool IsEnding(const std::string& stat) {
  const std::optional<StatFacts> facts = ParseStat(stat);
  return facts.has_value() && (facts->IsDead() || facts->is_exiting);
}

}  // namespace

void OomKills::Look(std::uint32_t pid, std::uint64_t now_ns, const std::string& root) {
  FollowCgroup(pid, root);
  const std::optional<std::uint64_t> kills =
      file_.empty() ? std::nullopt : ReadCgroupCount(file_, kOomKill);
  if (!kills.has_value()) return;
  if (seen_.empty() || seen_.back().kills != *kills) seen_.push_back({now_ns, *kills});
  while (seen_.size() > 1 && seen_[1].since_ns + kTearDownNs <= now_ns) seen_.pop_front();
}

void OomKills::FollowCgroup(std::uint32_t pid, const std::string& root) {
  const std::string name = absl::StrCat(pid);
  const std::string place = absl::StrCat(root, "/proc/", name);
  std::string cgroup = ReadSmallFile(place + "/cgroup").value_or("");
  if (cgroup.empty() || cgroup == cgroup_) return;
  if (IsEnding(ReadSmallFile(place + "/stat").value_or(""))) return;
  const std::optional<MemoryCgroup> found = FindMemoryCgroup(name, root);
  file_ = found.has_value() ? absl::StrCat(found->mount, found->below, "/", found->files.events)
                            : std::string();
  cgroup_ = std::move(cgroup);
  seen_.clear();
}

std::uint32_t OomKills::Count() const {
  if (seen_.empty()) return 0;
  // Its cgroup may be gone with it.
  const std::uint64_t last = seen_.back().kills;
  const std::uint64_t now = std::max(ReadCgroupCount(file_, kOomKill).value_or(last), last);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(now - std::min(now, seen_.front().kills), UINT32_MAX));
}

}  // namespace limpet
