#include "tools/render/stacks_writer.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_remark.h"
#include "tools/render/age_text.h"
#include "tools/render/printable_text.h"
#include "tools/render/simple_frames.h"
#include "tools/render/thread_group.h"

namespace limpet {
namespace {

constexpr std::size_t kColumns = 100;
constexpr std::size_t kIndent = 6;
constexpr std::size_t kMaxNameWidth = 56;
constexpr std::size_t kMaxFrames = 24;
constexpr std::size_t kMany = 8;  // threads, from which on it is of interest when they were made
constexpr char kCreatedBy[] = "  created by ";
constexpr std::size_t kCreatedByExtra = sizeof(kCreatedBy) - 1 - kIndent;  // than a frame's indent

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

bool IsNextOf(const ListedThread& last, const ListedThread& thread) {
  return thread.number == last.number + 1 && thread.name == last.name;
}

// "4-5 worker", "9 audit"
std::vector<std::string> ThreadNames(const ThreadGroup& group) {
  std::vector<const ListedThread*> threads = group.threads;
  std::sort(threads.begin(), threads.end(),
            [](const ListedThread* a, const ListedThread* b) { return a->number < b->number; });
  std::vector<std::string> names;
  for (std::size_t first = 0; first < threads.size();) {
    std::size_t last = first;
    while (last + 1 < threads.size() && IsNextOf(*threads[last], *threads[last + 1])) ++last;
    std::string name = absl::StrFormat("%d", threads[first]->number);
    if (last != first) absl::StrAppendFormat(&name, "-%d", threads[last]->number);
    if (!threads[first]->name.empty()) name += " " + OneLine(threads[first]->name);
    names.push_back(std::move(name));
    first = last + 1;
  }
  return names;
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
  const std::vector<std::string> names = ThreadNames(group);
  const std::string peer = group.threads.size() == 1 ? "" : PeerText(group);
  const std::string object = peer.empty() ? ObjectText(group) : peer;
  std::string line = group.threads.size() == 1 ? "  thread " : "  threads ";
  const std::size_t room = kColumns - std::min(kColumns / 2, object.size() + 16);
  std::size_t shown = 0;
  for (; shown < names.size() && (shown == 0 || line.size() + names[shown].size() < room);
       ++shown) {
    line += (shown == 0 ? "" : ", ") + names[shown];
  }
  if (shown < names.size()) line += ", ...";
  return line + object + "\n";
}

// The end of a path that fits, from a slash on.
std::string ShortPlace(const SimpleFrame& frame, std::size_t room) {
  if (frame.file.empty()) return "";
  std::string place = absl::StrFormat("%s:%d", frame.file, frame.line);
  if (place.size() <= room || room < 4) return place;
  const std::size_t slash = place.find('/', place.size() - room + 3);
  if (slash == std::string::npos) return place.substr(place.find_last_of('/') + 1);
  return "..." + place.substr(slash);
}

// `width`: of the column of names, which begins at `start`.
std::string FrameLine(const std::string& prefix, const SimpleFrame& frame, std::size_t width) {
  std::string name = frame.name;
  if (name.size() > width) name = FirstBytes(name, width - 3) + "...";
  const std::size_t start = prefix.size() + width + 2;
  const std::string place = ShortPlace(frame, kColumns - std::min(kColumns, start));
  if (place.empty()) return prefix + name + "\n";
  return absl::StrFormat("%s%-*s  %s", prefix, static_cast<int>(width), name, place) + "\n";
}

std::size_t NameWidth(const std::vector<SimpleFrame>& frames,
                      const std::optional<SimpleFrame>& creator) {
  std::size_t width = 20;
  if (creator.has_value()) width = std::max(width, creator->name.size() + kCreatedByExtra);
  for (const SimpleFrame& frame : frames) width = std::max(width, frame.name.size());
  return std::min(width, kMaxNameWidth);
}

std::string StackText(const std::vector<SimpleFrame>& frames, std::size_t width) {
  std::string text;
  const std::size_t shown = std::min(frames.size(), kMaxFrames);
  for (std::size_t index = 0; index < shown; ++index) {
    text += FrameLine(std::string(kIndent, ' '), frames[index], width);
  }
  if (shown == frames.size()) return text;
  return text + absl::StrFormat("%*s... and %d outer frames\n", kIndent, "", frames.size() - shown);
}

// Why there is no stack, or where it is from.
std::string OriginText(const ListedThread& thread) {
  if (!thread.is_seen_from_outside) {
    if (!thread.locations.empty()) return "";
    return thread.IsRunning() ? "      (running: its stack is not taken)\n"
                              : "      (its stack is not known)\n";
  }
  std::string text = "      (no hook is here: ";
  text += thread.locations.empty() ? "its stack could not be read" : "seen from outside";
  if (!thread.wait_channel.empty()) text += "; kernel: " + OneLine(thread.wait_channel);
  return text + ")\n";
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

std::string CreatorText(const SimpleFrame& frame, const ThreadGroup& group, std::size_t width) {
  std::set<std::uint32_t> creators;
  for (const ListedThread* thread : group.threads) creators.insert(thread->creator_number);
  std::string line = FrameLine(kCreatedBy, frame, width - kCreatedByExtra);
  line.pop_back();
  const bool is_known = creators.size() == 1 && *creators.begin() != 0;
  if (is_known) absl::StrAppendFormat(&line, ", in thread %d", *creators.begin());
  return line + GrowthText(group) + "\n";
}

std::string GroupText(const SimpleFrames& frames, const ThreadGroup& group) {
  const ListedThread& first = *group.threads.front();
  const std::vector<SimpleFrame> stack = frames.ProgramOf(first.locations);
  const std::optional<SimpleFrame> creator = frames.CreatorOf(first);
  const std::size_t width = NameWidth(stack, creator);
  std::string text = Title(group) + ThreadLine(group) + StackText(stack, width) + OriginText(first);
  return creator.has_value() ? text + CreatorText(*creator, group, width) : text;
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
