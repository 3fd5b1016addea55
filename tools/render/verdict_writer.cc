#include "tools/render/verdict_writer.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "tools/render/age_text.h"
#include "tools/render/printable_text.h"
#include "tools/render/simple_frames.h"
#include "tools/render/stack_columns.h"

namespace limpet {
namespace {

// Of a large ring, or of many that wait for one lock, these have their stacks shown.
constexpr std::size_t kMostStacks = 16;

using Threads = std::vector<const ListedThread*>;

std::string ForWhom(const ListedThread& thread) {
  if (thread.owner_number != 0) return absl::StrFormat("thread %d", thread.owner_number);
  return absl::StrFormat("the thread with tid %d", thread.owner_thread_id);
}

std::string DeadlockTitle(const Threads& ring) {
  if (ring.size() > 1)
    return absl::StrFormat("deadlock: %d threads, each waits for the next one", ring.size());
  return absl::StrFormat("deadlock: thread %d waits for itself", ring.front()->number);
}

std::string OrphanTitle(const Threads& waiting) {
  const ListedThread& first = *waiting.front();
  // Of a thread that was never in this process: it held the lock in the one that forked it.
  const char* const how =
      first.owner_number != 0 ? "has ended" : "has ended, or fork left it behind";
  return absl::StrFormat("orphaned lock on 0x%x: %s had it and %s", first.object, ForWhom(first),
                         how);
}

// "thread 2 worker waits 12m: sync.Mutex.Lock, held by 3; on 0x55d0c0a0"; of several, which stand
// at the same place, what holds of the first.
std::string WaitLine(const Threads& alike) {
  const ListedThread& thread = *alike.front();
  const bool is_one = alike.size() == 1;
  std::string line = is_one ? "  thread " : "  threads ";
  line += JoinNames(ThreadNames(alike), kTextColumns / 2);
  if (thread.IsRunning()) return line + " runs\n";
  line += is_one ? " waits" : " wait";
  if (thread.waited_ns.has_value()) line += " " + ShortWait(*thread.waited_ns);
  line += ": " + thread.reason;
  if (!thread.remark.empty()) line += ", " + thread.remark;
  if (thread.object != 0) absl::StrAppendFormat(&line, "; on 0x%x", thread.object);
  return OneLine(line) + "\n";
}

// Each by itself, where one waits for the next; who wait for one lock, by their places.
std::vector<Threads> Grouped(WaitFindingKind kind, const Threads& threads) {
  std::vector<Threads> groups;
  for (const ListedThread* thread : threads) {
    const auto alike = std::find_if(groups.begin(), groups.end(), [thread](const Threads& group) {
      return group.front()->locations == thread->locations;
    });
    if (kind == WaitFindingKind::kOrphanedLock && alike != groups.end())
      alike->push_back(thread);
    else
      groups.push_back({thread});
  }
  return groups;
}

class Writing {
 public:
  explicit Writing(const ThreadDump& dump) : dump_(dump), frames_(dump.profile) {}

  std::string FindingText(const WaitFinding& finding) const {
    const Threads threads = ThreadsOf(finding.threads);
    std::string text = Title(finding, threads) + "\n";
    const std::vector<Threads> groups = Grouped(finding.kind, threads);
    const std::size_t shown = std::min(groups.size(), kMostStacks);
    for (std::size_t index = 0; index < shown; ++index) text += PlaceText(groups[index]);
    if (shown < groups.size())
      absl::StrAppendFormat(&text, "  ... and at %d more places\n", groups.size() - shown);
    return finding.behind.empty() ? text : text + BehindText(finding);
  }

 private:
  Threads ThreadsOf(const std::vector<std::size_t>& indexes) const {
    Threads threads;
    threads.reserve(indexes.size());
    for (const std::size_t index : indexes) threads.push_back(&dump_.threads[index]);
    return threads;
  }

  static std::string Title(const WaitFinding& finding, const Threads& threads) {
    if (finding.kind == WaitFindingKind::kDeadlock) return DeadlockTitle(threads);
    if (finding.kind == WaitFindingKind::kOrphanedLock) return OrphanTitle(threads);
    return absl::StrFormat("convoy: %d wait for thread %d", finding.behind.size(),
                           threads.front()->number);
  }

  std::string PlaceText(const Threads& alike) const {
    const StackColumns stack(frames_, *alike.front());
    const std::string creator = stack.Creator(alike.front()->creator_number);
    const std::string text = WaitLine(alike) + stack.Frames() + stack.Origin();
    return creator.empty() ? text : text + creator + "\n";
  }

  // All by name, and of the first where.
  std::string BehindText(const WaitFinding& finding) const {
    const Threads behind = ThreadsOf(finding.behind);
    const std::string line = absl::StrFormat(
        "  behind %s %d %s, %s together: ", finding.threads.size() == 1 ? "it" : "them",
        behind.size(), behind.size() == 1 ? "waits" : "wait", ShortWait(finding.behind_ns));
    const std::size_t room = kTextColumns - std::min(kTextColumns / 2, line.size() + 5);
    return line + JoinNames(ThreadNames(behind), room) + "\n" + PlaceText({behind.front()});
  }

  const ThreadDump& dump_;
  const SimpleFrames frames_;
};

}  // namespace

std::string FindingName(WaitFindingKind kind) {
  switch (kind) {
    case WaitFindingKind::kDeadlock:
      return "deadlock";
    case WaitFindingKind::kOrphanedLock:
      return "orphaned lock";
    case WaitFindingKind::kConvoy:
      return "convoy";
  }
  return "";
}

std::string WriteVerdict(const ThreadDump& dump, const std::vector<WaitFinding>& findings) {
  const Writing writing(dump);
  std::string text;
  for (const WaitFinding& finding : findings)
    text += (text.empty() ? "" : "\n") + writing.FindingText(finding);
  return text;
}

}  // namespace limpet
