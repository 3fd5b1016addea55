#include "tools/threads/timer_list.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace limpet {

std::map<std::uint32_t, std::uint32_t> CountTimers(absl::string_view text) {
  std::map<std::uint32_t, std::uint32_t> counts;
  bool is_libcs = false;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "signal: ")) is_libcs = absl::StartsWith(line, "32/");
    std::uint32_t thread_id = 0;
    const bool is_notified =
        absl::ConsumePrefix(&line, "notify: signal/tid.") && absl::SimpleAtoi(line, &thread_id);
    if (is_libcs && is_notified) ++counts[thread_id];
  }
  return counts;
}

}  // namespace limpet
