#include "tools/render/age_text.h"

#include "absl/strings/str_format.h"

namespace limpet {

std::string ShortAge(std::uint64_t age_ns) {
  const std::uint64_t seconds = age_ns / 1'000'000'000;
  if (seconds < 120) return absl::StrFormat("%ds", seconds);
  if (seconds < 3600) return absl::StrFormat("%dm", seconds / 60);
  if (seconds < std::uint64_t{48} * 3600) return absl::StrFormat("%dh", seconds / 3600);
  return absl::StrFormat("%dd", seconds / (std::uint64_t{24} * 3600));
}

std::string ShortWait(std::uint64_t wait_ns) {
  if (wait_ns >= 1'000'000'000) return ShortAge(wait_ns);
  return absl::StrFormat("%dms", wait_ns / 1'000'000);
}

}  // namespace limpet
