#include "tools/reader/perf_map.h"

#include <iterator>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;

}  // namespace

PerfMap PerfMap::Load(std::uint32_t pid, std::uint32_t uid, const std::string& folder) {
  const FileLimits limits{.max_bytes = kMaxFileBytes, .must_be_regular = true, .owner_uid = uid};
  return Parse(ReadSmallFile(absl::StrFormat("%s/perf-%d.map", folder, pid), limits).value_or(""));
}

PerfMap PerfMap::Parse(const std::string& text) {
  PerfMap map;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 2));
    std::uint64_t start = 0;
    std::uint64_t bytes = 0;
    if (fields.size() != 3 || !absl::SimpleHexAtoi(fields[0], &start) ||
        !absl::SimpleHexAtoi(fields[1], &bytes) || bytes > UINT64_MAX - start) {
      continue;
    }
    map.code_[start] = {start + bytes, std::string(fields[2])};
  }
  return map;
}

std::string PerfMap::NameAt(std::uint64_t address) const {
  const auto after = code_.upper_bound(address);
  if (after == code_.begin()) return "";
  const Code& code = std::prev(after)->second;
  return address < code.end ? code.name : "";
}

}  // namespace limpet
