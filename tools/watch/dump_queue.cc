#include "tools/watch/dump_queue.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_marks.h"
#include "tools/store/segment_copies.h"

namespace limpet {
namespace {

constexpr int kMaxTries = 3;
constexpr std::uint64_t kRetryPauseNs = 5'000'000'000;
constexpr std::uint64_t kPatienceNs = 600'000'000'000;  // half a gigabyte of DWARF takes seconds

bool IsSame(const DumpJob& a, const DumpJob& b) {
  return a.segment == b.segment && a.reason == b.reason && a.is_raw == b.is_raw;
}

std::vector<std::string> CopiesOf(const DumpJob& job) {
  const std::string file = std::filesystem::path(job.segment).filename();
  const std::optional<SegmentName> process = ParseSegmentName(file);
  if (!process.has_value()) return {};
  return ListSegmentCopies(job.directory, *process);
}

}  // namespace

void DumpQueue::Add(DumpJob job) {
  // What is dead stays as it is: the one at work is as good as another.
  if (child_.has_value() && job.is_last && IsSame(at_work_.what, job)) return;
  const bool is_known = std::any_of(waiting_.begin(), waiting_.end(),
                                    [&](const Job& known) { return IsSame(known.what, job); });
  if (!is_known) waiting_.push_back({.what = std::move(job)});
}

void DumpQueue::Advance(std::uint64_t now_ns, bool has_room) {
  if (child_.has_value()) {
    if (now_ns >= kill_ns_) child_->Kill();
    const bool is_waited_for = std::any_of(waiting_.begin(), waiting_.end(),
                                           [](const Job& job) { return job.what.is_urgent; });
    if (is_waited_for) child_->Hurry();
    return;
  }
  if (has_room) ResumePostponed();
  StartNext(now_ns, has_room);
}

void DumpQueue::ResumePostponed() {
  for (DumpJob& job : postponed_) Add(std::move(job));
  postponed_.clear();
}

// Not the first alone: one that waits for its next try holds up nobody.
void DumpQueue::StartNext(std::uint64_t now_ns, bool has_room) {
  const auto is_due = [&](const Job& job) {
    return now_ns >= job.not_before_ns && (has_room || !job.what.is_copy);
  };
  auto next = std::find_if(waiting_.begin(), waiting_.end(),
                           [&](const Job& job) { return job.what.is_urgent && is_due(job); });
  if (next == waiting_.end()) next = std::find_if(waiting_.begin(), waiting_.end(), is_due);
  if (next == waiting_.end()) return;
  at_work_ = std::move(*next);
  waiting_.erase(next);
  if (!has_room) at_work_.what.is_raw = true;
  if (at_work_.what.is_raw) copies_before_ = CopiesOf(at_work_.what);
  absl::StatusOr<DumpChild> child = DumpChild::Start(at_work_.what);
  if (!child.ok()) return Retry(now_ns);
  child_.emplace(*std::move(child));
  kill_ns_ = now_ns + kPatienceNs;
}

bool DumpQueue::Finish(std::uint64_t now_ns) {
  const bool is_written = child_->Collect();
  child_.reset();
  if (!is_written) {
    Retry(now_ns);
    return false;
  }
  Complete();
  return std::exchange(at_work_, {}).what.is_last;
}

void DumpQueue::Complete() {
  const DumpJob& done = at_work_.what;
  if (done.is_copy) RemoveSegmentCopy(done.segment);
  if (done.is_last && !done.is_copy)
    WriteMarks(done.segment, {.has_last_profile = true}).IgnoreError();
  if (!done.is_raw) return;
  for (const std::string& copy : CopiesOf(done)) {
    // What a user has copied stays the user's.
    const bool is_older = std::count(copies_before_.begin(), copies_before_.end(), copy) != 0;
    if (is_older) continue;
    postponed_.push_back({.segment = copy,
                          .directory = done.directory,
                          .reason = done.reason,
                          .is_urgent = done.is_urgent,
                          .is_copy = true});
  }
}

// A dump says itself why it failed, in the directory of profiles.
void DumpQueue::Retry(std::uint64_t now_ns) {
  if (access(at_work_.what.segment.c_str(), F_OK) != 0) return;  // it ended by itself meanwhile
  if (++at_work_.tries >= kMaxTries) {
    if (at_work_.what.is_last) given_up_.insert(at_work_.what.segment);
    return;
  }
  at_work_.not_before_ns = now_ns + kRetryPauseNs;
  waiting_.push_back(std::move(at_work_));
}

}  // namespace limpet
