#include "tools/reader/memory_limit.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tools/reader/memory_cgroup.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

// Above it nobody has so much memory: version 1 writes "no limit" as a number near 2^63.
constexpr std::uint64_t kNoLimitBytes = std::uint64_t{1} << 60;

std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  std::uint64_t number = 0;
  if (!text.ok() || !absl::SimpleAtoi(absl::StripAsciiWhitespace(*text), &number)) {
    return std::nullopt;
  }
  return number;
}

std::optional<MemoryLimit> ReadLimitOf(const std::string& folder, const MemoryCgroupFiles& files) {
  const std::optional<std::uint64_t> limit = ReadNumber(absl::StrCat(folder, "/", files.limit));
  const std::optional<std::uint64_t> usage = ReadNumber(absl::StrCat(folder, "/", files.usage));
  if (!limit.has_value() || !usage.has_value() || *limit >= kNoLimitBytes) return std::nullopt;
  const std::uint64_t inactive =
      ReadCgroupCount(absl::StrCat(folder, "/memory.stat"), files.inactive).value_or(0);
  return MemoryLimit{*usage - std::min(inactive, *usage), *limit};
}

}  // namespace

std::optional<MemoryLimit> ReadMemoryLimit(const std::string& pid, const std::string& root) {
  const std::optional<MemoryCgroup> cgroup = FindMemoryCgroup(pid, root);
  if (!cgroup.has_value()) return std::nullopt;
  std::optional<MemoryLimit> tightest;
  std::string below = cgroup->below;
  while (true) {
    const std::optional<MemoryLimit> limit =
        ReadLimitOf(absl::StrCat(cgroup->mount, below), cgroup->files);
    const bool is_tighter =
        limit.has_value() && (!tightest.has_value() || limit->RoomBytes() < tightest->RoomBytes());
    if (is_tighter) tightest = limit;
    if (below.empty()) return tightest;
    below.resize(below.find_last_of('/'));
  }
}

}  // namespace limpet
