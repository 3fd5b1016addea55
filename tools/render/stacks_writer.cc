#include "tools/render/stacks_writer.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_remark.h"
#include "tools/render/age_text.h"
#include "tools/render/printable_text.h"
#include "tools/render/simple_frames.h"
#include "tools/render/stack_columns.h"
#include "tools/render/thread_group.h"

namespace limpet {
namespace {

constexpr std::size_t kMany = 8;  // threads, from which on it is of interest when they were made

std::string Ages(const ThreadGroup& group) {
  if (!group.longest_ns.has_value()) return "";
  const std::string longest = ShortWait(*group.longest_ns);
  if (!group.shortest_ns.has_value()) return " up to " + longest;
  const std::string shortest = ShortWait(*group.shortest_ns);
  return " " + (shortest == longest ? longest : longest + " to " + shortest);
}

// ": 198% of a CPU", of all together; empty where that is not known of one.
std::string CpuText(const ThreadGroup& group) {
  std::uint64_t percent = 0;
  for (const ListedThread* thread : group.threads) {
    if (!thread->cpu_percent.has_value()) return "";
    percent += *thread->cpu_percent;
  }
  return absl::StrFormat(": %d%% of a CPU", percent);
}

// "3 wait 12m to 40s: sync.Mutex.Lock, held by 7"
std::string Title(const ThreadGroup& group) {
  const ListedThread& first = *group.threads.front();
  const std::size_t count = group.threads.size();
  if (first.IsRunning()) return absl::StrFormat("%d running%s\n", count, CpuText(group));
  std::set<std::string> remarks;
  for (const ListedThread* thread : group.threads) remarks.insert(thread->remark);
  std::string title = absl::StrFormat("%d %s%s: %s", count, count == 1 ? "waits" : "wait",
                                      Ages(group), first.reason);
  if (remarks.size() == 1 && !first.remark.empty()) title += ", " + first.remark;
  return OneLine(title) + "\n";
}

// What they wait on, where it is one thing, or how many.
std::string ObjectText(const ThreadGroup& group) {
  std::set<std::uint64_t> objects;
  std::set<std::string> targets;
  for (const ListedThread* thread : group.threads) {
    if (thread->object != 0) objects.insert(thread->object);
    if (!thread->descriptor_target.empty()) targets.insert(thread->descriptor_target);
  }
  if (targets.size() == 1) return "; " + OneLine(*targets.begin());
  if (targets.size() > 1) return absl::StrFormat("; %d files", targets.size());
  if (objects.size() == 1) return absl::StrFormat("; on 0x%x", *objects.begin());
  return objects.empty() ? "" : absl::StrFormat("; on %d objects", objects.size());
}

bool HaveOneObject(const ThreadGroup& group) {
  const std::uint64_t object = group.threads.front()->object;
  return std::all_of(group.threads.begin(), group.threads.end(),
                     [object](const ListedThread* thread) { return thread->object == object; });
}

// Whom they talk to, where it is the same and their descriptors are not.
std::string PeerText(const ThreadGroup& group) {
  const std::string words = PeerWords(*group.threads.front());
  const bool is_same =
      std::all_of(group.threads.begin(), group.threads.end(),
                  [&words](const ListedThread* thread) { return PeerWords(*thread) == words; });
  return is_same && !words.empty() ? "; " + OneLine(words) : "";
}

// One line; of many threads the first.
std::string ThreadLine(const ThreadGroup& group) {
  const std::string peer = group.threads.size() == 1 ? "" : PeerText(group);
  const std::string object = peer.empty() ? ObjectText(group) : peer;
  const std::string line = group.threads.size() == 1 ? "  thread " : "  threads ";
  const std::size_t room = kTextColumns - std::min(kTextColumns / 2, object.size() + 16);
  return line + JoinNames(ThreadNames(group.threads), room - line.size()) + object + "\n";
}

// How fast they become more, where there are many: "; 12 in the last minute", or all of them, made
// "within 3s".
std::string GrowthText(const ThreadGroup& group) {
  constexpr std::uint64_t kRecentNs = 60'000'000'000, kTickNs = 10'000'000;
  if (group.threads.size() < kMany) return "";
  std::uint64_t oldest_ns = 0, youngest_ns = UINT64_MAX;
  std::size_t fresh = 0;
  for (const ListedThread* thread : group.threads) {
    if (!thread->age_ns.has_value()) return "";
    oldest_ns = std::max(oldest_ns, *thread->age_ns);
    youngest_ns = std::min(youngest_ns, *thread->age_ns);
    if (*thread->age_ns <= kRecentNs) ++fresh;
  }
  const std::uint64_t span_ns = std::max(oldest_ns - youngest_ns, kTickNs);
  if (span_ns <= kRecentNs) return "; within " + ShortWait(span_ns);
  return fresh == 0 ? "" : absl::StrFormat("; %d in the last minute", fresh);
}

// Who made them, where that is one.
std::uint32_t CreatorOf(const ThreadGroup& group) {
  const std::uint32_t creator = group.threads.front()->creator_number;
  const bool is_one = std::all_of(
      group.threads.begin(), group.threads.end(),
      [creator](const ListedThread* thread) { return thread->creator_number == creator; });
  return is_one ? creator : 0;
}

std::string GroupText(const SimpleFrames& frames, const ThreadGroup& group) {
  const StackColumns stack(frames, *group.threads.front());
  const std::string creator = stack.Creator(CreatorOf(group));
  std::string text = Title(group) + ThreadLine(group) + stack.Frames() + stack.Origin();
  if (HaveOneObject(group)) text += stack.Waker();
  return creator.empty() ? text : text + creator + GrowthText(group) + "\n";
}

std::string Summary(const ThreadDump& dump) {
  std::string text = OneLine(dump.program) + ", ";
  absl::StrAppendFormat(&text, "pid %d: ", dump.pid);
  text += absl::StrJoin(SummaryLines(dump), "\n");
  if (dump.unjoined != 0) {
    absl::StrAppendFormat(&text, "\n%d ended and never joined: each keeps its stack",
                          dump.unjoined);
  }
  return text + "\n";
}

}  // namespace

std::string WriteStacks(const ThreadDump& dump) {
  const SimpleFrames frames(dump.profile);
  std::string text = Summary(dump);
  for (const ThreadGroup& group : GroupThreads(dump, frames))
    text += "\n" + GroupText(frames, group);
  return text;
}

}  // namespace limpet
