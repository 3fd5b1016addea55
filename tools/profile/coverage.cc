#include "tools/profile/coverage.h"

#include "absl/strings/str_format.h"

namespace limpet {

std::string FormatBytes(std::uint64_t bytes) {
  if (bytes < 1024) return absl::StrFormat("%d B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  const char* unit = "KiB";
  for (const char* larger : {"MiB", "GiB", "TiB", "PiB", "EiB"}) {
    if (value < 1023.95) break;  // would print as 1024.0
    value /= 1024;
    unit = larger;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

std::string CoverageLine(const Coverage& coverage) {
  const auto in_use = static_cast<std::uint64_t>(coverage.in_use_bytes);
  std::string line = absl::StrFormat(
      "coverage: %s in use as sampled, of %s resident anonymous memory (heap with its free parts, "
      "thread stacks, private mappings), of %s RSS",
      FormatBytes(in_use), FormatBytes(coverage.resident_anonymous_bytes),
      FormatBytes(coverage.resident_bytes));
  if (in_use > coverage.resident_anonymous_bytes) {
    line += "; more in use than resident: memory not touched yet, or swapped out";
  }
  return line;
}

}  // namespace limpet
