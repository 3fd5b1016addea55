#include "tools/profile/thread_summary.h"

#include <algorithm>

#include "absl/strings/str_format.h"

namespace limpet {
namespace {

std::int64_t CountRunning(const ThreadDump& dump) {
  return std::count_if(dump.threads.begin(), dump.threads.end(),
                       [](const ListedThread& thread) { return thread.IsRunning(); });
}

}  // namespace

std::string ThreadCounts(std::int64_t threads, std::int64_t running) {
  return absl::StrFormat("%d thread%s: %d running, %d waiting", threads, threads == 1 ? "" : "s",
                         running, threads - running);
}

std::int64_t CountSeenFromOutside(const ThreadDump& dump) {
  return std::count_if(dump.threads.begin(), dump.threads.end(),
                       [](const ListedThread& thread) { return thread.is_seen_from_outside; });
}

std::string LeftOutLine(const ThreadDump& dump) {
  if (dump.left_out.of_unknown_wait == 0) return "";
  return absl::StrFormat("%d whose wait is of unknown length left out",
                         dump.left_out.of_unknown_wait);
}

std::vector<std::string> SummaryLines(const ThreadDump& dump) {
  const auto threads = static_cast<std::int64_t>(dump.threads.size());
  std::vector<std::string> lines = {ThreadCounts(threads, CountRunning(dump))};
  if (dump.left_out.others != 0) {
    lines.push_back(absl::StrFormat("%d that run or wait shorter left out", dump.left_out.others));
  }
  if (std::string line = LeftOutLine(dump); !line.empty()) lines.push_back(std::move(line));
  if (const std::int64_t outside = CountSeenFromOutside(dump); outside != 0) {
    lines.push_back(absl::StrFormat("%d blocked where no hook is, seen from outside", outside));
  }
  if (!dump.is_alive) lines.emplace_back(kLowerBounds);
  for (const Loss& loss : dump.losses) lines.push_back(LossLine(loss));
  return lines;
}

}  // namespace limpet
