#include "tools/profile/wait_verdict.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace limpet {
namespace {

using Index = std::size_t;
constexpr Index kNobody = SIZE_MAX;

bool IsLock(WaitReason wait) {
  return wait == WaitReason::kMutex || wait == WaitReason::kReadLock ||
         wait == WaitReason::kWriteLock;
}

bool IsSameWait(const ListedThread& before, const ListedThread& now) {
  return before.thread_id == now.thread_id && before.wait == now.wait &&
         before.object == now.object && before.owner_thread_id == now.owner_thread_id &&
         before.park_count == now.park_count && now.waited_ns >= before.waited_ns;
}

// Who waits for whom, of the waits that last.
class WaitGraph {
 public:
  using Lasts = std::function<bool(const ListedThread&)>;

  WaitGraph(const ThreadDump& dump, const Lasts& lasts) : threads_(dump.threads) {
    for (Index index = 0; index < threads_.size(); ++index)
      by_number_[threads_[index].number] = index;
    for (const ListedThread& thread : threads_) {
      const bool is_edge = thread.owner_thread_id != 0 && lasts(thread);
      next_.push_back(is_edge && thread.owner_number != 0 ? Find(thread.owner_number) : kNobody);
      is_orphan_.push_back(is_edge && IsLock(thread.wait) &&
                           thread.owner_life == OwnerLife::kExited);
      if (is_orphan_.back()) next_.back() = kNobody;
    }
  }

  std::vector<WaitFinding> Judge() {
    FindDeadlocks();
    FindOrphans();
    FindConvoys();
    return std::move(findings_);
  }

 private:
  Index Find(std::uint32_t number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? kNobody : found->second;
  }

  bool IsForEver(Index index) const { return !threads_[index].timeout_ns.has_value(); }

  // Where the way from `start` ends: at the thread that is in a finding, or at one that waits for
  // nobody. A ring that is none for ever is left after as many steps as there are threads.
  Index EndOf(Index start) const {
    Index at = start;
    for (Index steps = 0; steps < threads_.size(); ++steps) {
      if (finding_of_.contains(at) || next_[at] == kNobody) return at;
      at = next_[at];
    }
    return kNobody;
  }

  // Those that come back to `start` without a timeout.
  std::vector<Index> RingOf(Index start) const {
    std::vector<Index> ring;
    for (Index at = start; at != kNobody && IsForEver(at); at = next_[at]) {
      if (ring.size() > threads_.size()) return {};
      if (at == start && !ring.empty()) return ring;
      ring.push_back(at);
    }
    return {};
  }

  void Add(WaitFindingKind kind, std::vector<Index> threads) {
    for (const Index index : threads) finding_of_[index] = findings_.size();
    findings_.push_back({.kind = kind, .threads = std::move(threads)});
  }

  void FindDeadlocks() {
    for (Index index = 0; index < threads_.size(); ++index) {
      if (finding_of_.contains(index)) continue;
      std::vector<Index> ring = RingOf(index);
      if (!ring.empty()) Add(WaitFindingKind::kDeadlock, std::move(ring));
    }
  }

  void FindOrphans() {
    std::map<std::uint64_t, std::vector<Index>> by_lock;
    for (Index index = 0; index < threads_.size(); ++index) {
      if (is_orphan_[index] && IsForEver(index)) by_lock[threads_[index].object].push_back(index);
    }
    for (auto& [lock, waiting] : by_lock) Add(WaitFindingKind::kOrphanedLock, std::move(waiting));
  }

  // Who only waits for another's end is no convoy: that is what threads are made for.
  bool IsConvoy(Index end, const std::vector<Index>& behind) const {
    return !IsLeader(end, behind) && std::any_of(behind.begin(), behind.end(), [this](Index index) {
      return IsLock(threads_[index].wait);
    });
  }

  // A pool in which one waits for whatever comes, and the others for its turn (Apache's workers).
  bool IsLeader(Index end, const std::vector<Index>& behind) const {
    const ListedThread& leader = threads_[end];
    const bool waits_for_any =
        leader.wait == WaitReason::kPoll || leader.wait == WaitReason::kAccept;
    return waits_for_any && std::all_of(behind.begin(), behind.end(), [&](Index index) {
             return threads_[index].creation_locations == leader.creation_locations;
           });
  }

  void FindConvoys() {
    std::map<Index, std::vector<Index>> by_end;
    for (Index index = 0; index < threads_.size(); ++index) {
      if (next_[index] == kNobody || finding_of_.contains(index)) continue;
      const Index end = EndOf(index);
      if (end != kNobody) by_end[end].push_back(index);
    }
    for (auto& [end, behind] : by_end) {
      const bool is_found = finding_of_.contains(end);
      if (!is_found && !IsConvoy(end, behind)) continue;
      if (!is_found) Add(WaitFindingKind::kConvoy, {end});
      AddBehind(behind, findings_[finding_of_[end]]);
    }
  }

  void AddBehind(const std::vector<Index>& behind, WaitFinding& finding) const {
    for (const Index index : behind) finding.behind_ns += threads_[index].waited_ns.value_or(0);
    finding.behind.insert(finding.behind.end(), behind.begin(), behind.end());
    const auto rank = [this](Index index) {
      return std::pair(IsLock(threads_[index].wait), threads_[index].waited_ns);
    };
    std::stable_sort(finding.behind.begin(), finding.behind.end(),
                     [&rank](Index one, Index other) { return rank(one) > rank(other); });
  }

  const std::vector<ListedThread>& threads_;
  std::map<std::uint32_t, Index> by_number_;
  std::vector<Index> next_;      // whom it waits for
  std::vector<bool> is_orphan_;  // it waits for a lock of who has ended
  std::vector<WaitFinding> findings_;
  std::map<Index, Index> finding_of_;
};

}  // namespace

std::vector<WaitFinding> JudgeWaits(const ThreadDump& before, const ThreadDump& now) {
  std::map<std::uint32_t, const ListedThread*> known;
  for (const ListedThread& thread : before.threads) known[thread.number] = &thread;
  const auto lasts = [&known](const ListedThread& thread) {
    const auto found = known.find(thread.number);
    return found != known.end() && IsSameWait(*found->second, thread);
  };
  return WaitGraph(now, lasts).Judge();
}

std::vector<WaitFinding> JudgeLastWaits(const ThreadDump& dead) {
  const auto is_short = [&dead](const WaitFinding& finding) {
    return finding.kind == WaitFindingKind::kConvoy &&
           dead.threads[finding.behind.front()].waited_ns.value_or(0) < kVerdictPauseNs;
  };
  std::vector<WaitFinding> findings =
      WaitGraph(dead, [](const ListedThread&) { return true; }).Judge();
  std::erase_if(findings, is_short);
  return findings;
}

}  // namespace limpet
