#include "tools/profile/wait_verdict.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "tools/profile/wait_choice.h"

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

// Both in the order of their numbers.
std::vector<std::uint32_t> Common(const std::vector<std::uint32_t>& one,
                                  const std::vector<std::uint32_t>& other) {
  std::vector<std::uint32_t> common;
  std::set_intersection(one.begin(), one.end(), other.begin(), other.end(),
                        std::back_inserter(common));
  return common;
}

// Whom a thread waits for, by their numbers, as long as that lasts: one, or for a lock that is read
// all of them.
using Whom = std::function<std::vector<std::uint32_t>(const ListedThread&)>;

std::vector<std::uint32_t> WhomNow(const ListedThread& thread) {
  if (thread.owner_thread_id == 0) return thread.readers;
  return {thread.owner_number};
}

// Who waits for whom.
class WaitGraph {
 public:
  WaitGraph(const ThreadDump& dump, const Whom& whom) : threads_(dump.threads) {
    for (Index index = 0; index < threads_.size(); ++index)
      by_number_[threads_[index].number] = index;
    waits_.reserve(threads_.size());
    for (const ListedThread& thread : threads_) AddThread(thread, whom(thread));
    next_ = WaitChoice(waits_).Choose();
  }

  std::vector<WaitFinding> Judge() {
    FindDeadlocks();
    FindOrphans();
    FindConvoys();
    return std::move(findings_);
  }

 private:
  void AddThread(const ListedThread& thread, const std::vector<std::uint32_t>& whom) {
    const bool is_orphan =
        !whom.empty() && IsLock(thread.wait) && thread.owner_life == OwnerLife::kExited;
    is_orphan_.push_back(is_orphan);
    waits_.emplace_back();
    for (const std::uint32_t number : whom) {
      const Index index = is_orphan || number == 0 ? kNobody : Find(number);
      if (index != kNobody) waits_.back().push_back(index);
    }
  }

  Index Find(std::uint32_t number) const {
    const auto found = by_number_.find(number);
    return found == by_number_.end() ? kNobody : found->second;
  }

  bool IsForEver(Index index) const { return !threads_[index].timeout_ns.has_value(); }

  void Add(WaitFindingKind kind, std::vector<Index> threads) {
    for (const Index index : threads) finding_of_[index] = findings_.size();
    findings_.push_back({.kind = kind, .threads = std::move(threads)});
  }

  // Each thread is passed once: where a way comes to one that it has passed itself, that is a ring.
  void FindDeadlocks() {
    std::vector<Index> way_of(threads_.size(), kNobody);  // by the thread that the way began at
    for (Index start = 0; start < threads_.size(); ++start) {
      Index at = start;
      for (; at != kNobody && way_of[at] == kNobody; at = next_[at]) way_of[at] = start;
      if (at != kNobody && way_of[at] == start) AddRing(at);
    }
  }

  // One that a timeout opens again leads nowhere.
  void AddRing(Index first) {
    std::vector<Index> ring = {first};
    for (Index at = next_[first]; at != first; at = next_[at]) ring.push_back(at);
    const bool is_for_ever =
        std::all_of(ring.begin(), ring.end(), [this](Index index) { return IsForEver(index); });
    std::rotate(ring.begin(), std::min_element(ring.begin(), ring.end()), ring.end());
    if (is_for_ever) return Add(WaitFindingKind::kDeadlock, std::move(ring));
    for (const Index index : ring) next_[index] = kNobody;
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

  // Where the way from each ends that is in no finding: at one that is, or that waits for nobody.
  std::map<Index, std::vector<Index>> WaysByEnd() const {
    std::vector<Index> end_of(threads_.size(), kNobody);
    std::map<Index, std::vector<Index>> by_end;
    for (Index start = 0; start < threads_.size(); ++start) {
      Index end = start;
      while (end_of[end] == kNobody && !IsEnd(end)) end = next_[end];
      if (end_of[end] != kNobody) end = end_of[end];
      for (Index at = start; at != end && end_of[at] == kNobody; at = next_[at]) {
        end_of[at] = end;
        by_end[end].push_back(at);
      }
    }
    return by_end;
  }

  bool IsEnd(Index index) const { return next_[index] == kNobody || finding_of_.contains(index); }

  void FindConvoys() {
    for (const auto& [end, behind] : WaysByEnd()) {
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
  std::vector<std::vector<Index>> waits_;  // whom it waits for
  std::vector<Index> next_;                // the one of them that counts
  std::vector<bool> is_orphan_;            // it waits for a lock of who has ended
  std::vector<WaitFinding> findings_;
  std::map<Index, std::size_t> finding_of_;
};

}  // namespace

std::vector<WaitFinding> JudgeWaits(const ThreadDump& before, const ThreadDump& now) {
  std::map<std::uint32_t, const ListedThread*> known;
  for (const ListedThread& thread : before.threads) known[thread.number] = &thread;
  const auto whom = [&known](const ListedThread& thread) {
    const auto found = known.find(thread.number);
    const bool lasts = found != known.end() && IsSameWait(*found->second, thread);
    return lasts ? Common(WhomNow(*found->second), WhomNow(thread)) : std::vector<std::uint32_t>();
  };
  return WaitGraph(now, whom).Judge();
}

std::vector<WaitFinding> JudgeLastWaits(const ThreadDump& dead) {
  const auto is_short = [&dead](const WaitFinding& finding) {
    return finding.kind == WaitFindingKind::kConvoy &&
           dead.threads[finding.behind.front()].waited_ns.value_or(0) < kVerdictPauseNs;
  };
  std::vector<WaitFinding> findings = WaitGraph(dead, WhomNow).Judge();
  std::erase_if(findings, is_short);
  return findings;
}

}  // namespace limpet
