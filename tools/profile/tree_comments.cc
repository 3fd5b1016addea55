#include "tools/profile/tree_comments.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/confidence.h"
#include "tools/profile/profile_builder.h"
#include "tools/profile/thread_lister.h"
#include "tools/profile/thread_summary.h"

namespace limpet {
namespace {

constexpr std::size_t kMostNamed = 20;  // processes with a line of their own
constexpr std::size_t kMostReasons = 8;
constexpr std::size_t kMostOfReason = 12;

bool HasSamples(const ProcessPart& part) {
  return part.interval_bytes > 1 || part.total.allocated.samples != 0;
}

std::string Named(std::uint32_t pid, const std::string& program) {
  return program.empty() ? absl::StrFormat("%d", pid) : absl::StrFormat("%d (%s)", pid, program);
}

std::string Processes(std::size_t count) {
  return absl::StrFormat("%d process%s", count, count == 1 ? "" : "es");
}

std::string TitleLine(const ProcessTreeParts& tree) {
  const std::string& program = tree.root_program;
  return absl::StrFormat("limpet: %s of %spid %d%s and its descendants: %s", tree.profile,
                         program.empty() ? "" : program + " (", tree.root_pid,
                         program.empty() ? "" : ")", Processes(tree.parts.size()));
}

// The marks of processes that are sampled alike are as those of one process; where they differ, the
// widest interval errs to the safe side.
struct Intervals {
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;
};

Intervals IntervalsOf(const std::vector<ProcessPart>& parts) {
  Intervals intervals;
  for (const ProcessPart& part : parts) {
    if (!HasSamples(part)) continue;
    intervals.least = std::min(intervals.least, part.interval_bytes);
    intervals.most = std::max(intervals.most, part.interval_bytes);
  }
  return intervals;
}

std::vector<Loss> SumLosses(const std::vector<ProcessPart>& parts) {
  std::vector<Loss> sums;
  for (const ProcessPart& part : parts) {
    for (const Loss& loss : part.losses) {
      const auto same = std::find_if(sums.begin(), sums.end(),
                                     [&loss](const Loss& sum) { return sum.name == loss.name; });
      if (same == sums.end()) {
        sums.push_back(loss);
      } else {
        same->count += loss.count;
      }
    }
  }
  return sums;
}

std::string CoverageWords(const std::vector<ProcessPart>& parts) {
  Coverage sum;
  std::size_t dead = 0;
  for (const ProcessPart& part : parts) {
    if (!part.coverage.has_value()) {
      ++dead;
      continue;
    }
    sum.in_use_bytes += part.coverage->in_use_bytes;
    sum.resident_anonymous_bytes += part.coverage->resident_anonymous_bytes;
    sum.resident_bytes += part.coverage->resident_bytes;
  }
  if (dead == parts.size()) return "coverage: unknown, the processes are dead";
  std::string line = CoverageLine(sum);
  if (parts.size() - dead > 1) line += "; pages that processes share count in each";
  if (dead != 0)
    line += absl::StrFormat("; without %s", absl::StrFormat("%s that died", Processes(dead)));
  return line;
}

std::string RateWords(const Intervals& intervals, bool has_losses) {
  if (intervals.least == intervals.most) return RateLine(intervals.most, has_losses);
  return absl::StrFormat(
      "one sample per %d to %d bytes, by process; values are estimates of the whole, ± their "
      "standard error",
      intervals.least, intervals.most);
}

std::string LossList(const std::vector<Loss>& losses) {
  return absl::StrJoin(losses, ", ", [](std::string* out, const Loss& loss) {
    absl::StrAppendFormat(out, "%s %d", loss.name, loss.count);
  });
}

std::string PartLine(const ProcessPart& part, bool shows_interval) {
  std::string line = absl::StrFormat("pid %s: ", Named(part.pid, part.program));
  if (HasSamples(part)) {
    absl::StrAppendFormat(&line, "in use %s; allocated %s",
                          BytesWords(part.total.in_use, part.interval_bytes),
                          BytesWords(part.total.allocated, part.interval_bytes));
  } else {
    line += "nothing sampled yet";
  }
  if (shows_interval)
    absl::StrAppendFormat(&line, "; one sample per %d bytes", part.interval_bytes);
  line += part.coverage.has_value()
              ? absl::StrFormat("; %s resident anonymous",
                                FormatBytes(part.coverage->resident_anonymous_bytes))
              : "; dead";
  if (!part.losses.empty()) line += "; loss: " + LossList(part.losses);
  return line;
}

void AddPartLines(std::vector<ProcessPart> parts, const Intervals& intervals,
                  std::vector<std::string>& comments) {
  std::stable_sort(parts.begin(), parts.end(),
                   [](const ProcessPart& one, const ProcessPart& other) {
                     return std::pair(one.total.in_use.bytes, one.total.allocated.bytes) >
                            std::pair(other.total.in_use.bytes, other.total.allocated.bytes);
                   });
  const bool shows_interval = intervals.least < intervals.most;
  const std::size_t named = std::min(parts.size(), kMostNamed);
  Estimate rest;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const ProcessPart& part = parts[index];
    if (index < named) {
      comments.push_back(PartLine(part, shows_interval && HasSamples(part)));
    } else {
      rest.Add(part.total);
    }
  }
  if (named == parts.size()) return;
  comments.push_back(absl::StrFormat(
      "%s more: in use %s; allocated %s", Processes(parts.size() - named),
      BytesWords(rest.in_use, intervals.most), BytesWords(rest.allocated, intervals.most)));
}

std::string ThreadPartLine(const ProcessPart& part) {
  std::string line = absl::StrFormat("pid %s: %s", Named(part.pid, part.program),
                                     ThreadCounts(part.threads, part.running));
  if (!part.coverage.has_value()) line += "; dead";
  if (!part.losses.empty()) line += "; loss: " + LossList(part.losses);
  return line;
}

// Those with the most threads, and the rest added up.
void AddThreadPartLines(std::vector<ProcessPart> parts, std::vector<std::string>& comments) {
  std::stable_sort(
      parts.begin(), parts.end(),
      [](const ProcessPart& one, const ProcessPart& other) { return one.threads > other.threads; });
  const std::size_t named = std::min(parts.size(), kMostNamed);
  ProcessPart rest;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    if (index < named) {
      comments.push_back(ThreadPartLine(parts[index]));
    } else {
      rest.threads += parts[index].threads;
      rest.running += parts[index].running;
    }
  }
  if (named == parts.size()) return;
  comments.push_back(absl::StrFormat("%s more: %s", Processes(parts.size() - named),
                                     ThreadCounts(rest.threads, rest.running)));
}

std::vector<std::string> ThreadComments(const ProcessTreeParts& tree) {
  std::vector<std::string> comments = {TitleLine(tree)};
  ProcessPart sum;
  bool has_dead = false;
  for (const ProcessPart& part : tree.parts) {
    sum.threads += part.threads;
    sum.running += part.running;
    has_dead = has_dead || !part.coverage.has_value();
  }
  comments.push_back(ThreadCounts(sum.threads, sum.running));
  if (has_dead) comments.emplace_back(kLowerBounds);
  for (const Loss& loss : SumLosses(tree.parts)) comments.push_back(LossLine(loss));
  AddThreadPartLines(tree.parts, comments);
  for (std::string& line : LeftOutLines(tree.left_out)) comments.push_back(std::move(line));
  return comments;
}

// Of waits, which take time, or of threads made.
std::string EventCounts(double events, double delay_ns) {
  if (delay_ns == 0) return absl::StrFormat("%.0f", events);
  return absl::StrFormat("%.0f waits, %.3f s", events, delay_ns / 1e9);
}

// Those with the most, and the rest added up.
void AddEventPartLines(std::vector<ProcessPart> parts, std::vector<std::string>& comments) {
  std::stable_sort(
      parts.begin(), parts.end(), [](const ProcessPart& one, const ProcessPart& other) {
        return std::pair(one.delay_ns, one.events) > std::pair(other.delay_ns, other.events);
      });
  const std::size_t named = std::min(parts.size(), kMostNamed);
  ProcessPart rest;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const ProcessPart& part = parts[index];
    if (index < named) {
      comments.push_back(absl::StrFormat("pid %s: %s%s", Named(part.pid, part.program),
                                         EventCounts(part.events, part.delay_ns),
                                         part.coverage.has_value() ? "" : "; dead"));
      if (!part.losses.empty()) comments.back() += "; loss: " + LossList(part.losses);
    } else {
      rest.events += part.events;
      rest.delay_ns += part.delay_ns;
    }
  }
  if (named == parts.size()) return;
  comments.push_back(absl::StrFormat("%s more: %s", Processes(parts.size() - named),
                                     EventCounts(rest.events, rest.delay_ns)));
}

std::vector<std::string> EventComments(const ProcessTreeParts& tree) {
  std::vector<std::string> comments = {TitleLine(tree)};
  ProcessPart sum;
  for (const ProcessPart& part : tree.parts) {
    sum.events += part.events;
    sum.delay_ns += part.delay_ns;
  }
  comments.push_back("together: " + EventCounts(sum.events, sum.delay_ns));
  for (const Loss& loss : SumLosses(tree.parts)) comments.push_back(LossLine(loss));
  AddEventPartLines(tree.parts, comments);
  for (std::string& line : LeftOutLines(tree.left_out)) comments.push_back(std::move(line));
  return comments;
}

}  // namespace

std::vector<std::string> TreeComments(const ProcessTreeParts& tree) {
  if (tree.profile == kGoroutineProfile) return ThreadComments(tree);
  if (IsEventProfile(tree.profile)) return EventComments(tree);
  const Intervals intervals = IntervalsOf(tree.parts);
  const std::vector<Loss> losses = SumLosses(tree.parts);
  Estimate total;
  for (const ProcessPart& part : tree.parts) total.Add(part.total);
  std::vector<std::string> comments = {TitleLine(tree)};
  if (intervals.least > intervals.most) {
    comments.emplace_back("nothing sampled yet");
  } else {
    comments.push_back(RateWords(intervals, !losses.empty()));
    comments.push_back(InUseLine(total, intervals.most));
    comments.push_back(AllocatedLine(total, intervals.most));
  }
  comments.push_back(CoverageWords(tree.parts));
  for (const Loss& loss : losses) comments.push_back(LossLine(loss));
  AddPartLines(tree.parts, intervals, comments);
  for (std::string& line : LeftOutLines(tree.left_out)) comments.push_back(std::move(line));
  return comments;
}

std::vector<std::string> LeftOutLines(const std::vector<LeftOutProcess>& left_out) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const LeftOutProcess& process : left_out) {
    by_reason[process.reason].push_back(Named(process.pid, process.program));
  }
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons(by_reason.begin(),
                                                                        by_reason.end());
  std::stable_sort(reasons.begin(), reasons.end(), [](const auto& one, const auto& other) {
    return one.second.size() > other.second.size();
  });
  std::vector<std::string> lines;
  std::size_t unnamed = left_out.size();
  for (auto& [reason, names] : reasons) {
    if (lines.size() == kMostReasons) break;
    unnamed -= names.size();
    const std::size_t more = names.size() - std::min(names.size(), kMostOfReason);
    names.resize(names.size() - more);
    lines.push_back(absl::StrFormat("left out (%s): %s", reason, absl::StrJoin(names, ", ")));
    if (more != 0) absl::StrAppendFormat(&lines.back(), " and %d more", more);
  }
  if (unnamed != 0) lines.push_back(absl::StrFormat("left out besides: %d", unnamed));
  return lines;
}

}  // namespace limpet
