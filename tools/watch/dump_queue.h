// The dumps that are still to be made, one at a time.
//
//   Add -> waiting -> DumpChild -> done
//             ^           |  failed: again, kMaxTries in all
//             '-----------'
//
// One at a time bounds memory: symbols of one process, not of fifty workers that died together.
// While the memory limit that we share with the program leaves little room, a dump is a copy of the
// segment, and its symbols come when there is room again.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/watch/dump_child.h"

namespace limpet {

class DumpQueue {
 public:
  // A job for a segment that waits already for the same reason is the same job.
  void Add(DumpJob job);

  // Starts the next one if none is at work, ends one that takes too long. `has_room`: there is
  // memory for symbols.
  void Advance(std::uint64_t now_ns, bool has_room);

  // Of the one at work: readable once it has ended; -1: none.
  int descriptor() const { return child_.has_value() ? child_->descriptor() : -1; }
  // After that. True: a dead process has its last profile now, and we hold its segment no longer.
  bool Finish(std::uint64_t now_ns);

  // The last profile of this segment could not be written, as often as it was tried.
  bool HasGivenUp(const std::string& segment) const { return given_up_.contains(segment); }

  bool IsEmpty() const { return waiting_.empty() && !child_.has_value(); }
  // There are copies whose symbols wait for room.
  bool HasPostponed() const { return !postponed_.empty(); }

 private:
  struct Job {
    DumpJob what;
    int tries = 0;
    std::uint64_t not_before_ns = 0;
  };

  void ResumePostponed();
  void StartNext(std::uint64_t now_ns, bool has_room);
  void Complete();
  void Retry(std::uint64_t now_ns);

  std::deque<Job> waiting_;
  std::set<std::string> given_up_;
  std::vector<std::string> copies_before_;  // the one at work
  std::vector<DumpJob> postponed_;
  std::optional<DumpChild> child_;
  Job at_work_;
  std::uint64_t kill_ns_ = 0;
};

}  // namespace limpet
