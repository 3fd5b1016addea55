#include "tools/profile/wait_profile.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "tools/profile/event_listing.h"
#include "tools/profile/loss.h"
#include "tools/profile/thread_lister.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_words.h"

namespace limpet {
namespace {

// What the profile counts at a stack: waits there, or those of others that it made longer. kNone:
// something else, or what a newer target knows.
WaitReason ReasonIn(const std::string& profile, EventKind kind) {
  const EventKind first = profile == kMutexProfile ? EventKind::kRelease : EventKind::kNone;
  const std::uint32_t reason = static_cast<std::uint32_t>(kind) - static_cast<std::uint32_t>(first);
  const bool is_known = reason <= static_cast<std::uint32_t>(kLastWaitReason);
  return is_known ? static_cast<WaitReason>(reason) : WaitReason::kNone;
}

// As Go's block profile: what waits for other threads.
bool IsIn(const std::string& profile, WaitReason reason) {
  const WaitGroup group = GroupOf(reason);
  if (reason == WaitReason::kNone) return false;
  return profile != kBlockProfile || group == WaitGroup::kLock || group == WaitGroup::kCondition;
}

// One that is under way, and whose beginning is known. Of a lock that is held still nobody has let
// go.
bool IsWaiting(const ThreadRecord& thread, const std::string& profile) {
  return profile != kMutexProfile && thread.state == ThreadState::kParked && thread.since_ns != 0 &&
         IsIn(profile, thread.reason);
}

class WaitListing {
 public:
  WaitListing(const std::string& name, const SegmentSnapshot& snapshot, FrameNamer& namer,
              const ProfileOrigin& origin)
      : snapshot_(snapshot), origin_(origin), listing_(name, snapshot, namer, origin) {
    Profile& profile = listing_.profile();
    profile.sample_types = {{"contentions", "count"}, {"delay", "nanoseconds"}};
    profile.period_type = {"contentions", "count"};
  }

  Profile Run() {
    const std::string& name = listing_.profile().name;
    for (const EventRecord& event : snapshot_.events) {
      const WaitReason reason = ReasonIn(name, event.kind);
      if (!IsIn(name, reason)) continue;
      const bool is_added = AddWait(event.stack, reason, SumOf(event));
      (is_added ? ended_ : left_out_).Add(SumOf(event));
    }
    for (const ThreadRecord& thread : snapshot_.threads) {
      if (!IsWaiting(thread, name)) continue;
      under_way_.Add(SoFar(thread));
      AddWait(thread.stack, thread.reason, SoFar(thread));
    }
    AddComments();
    return listing_.Take();
  }

 private:
  EventSum SoFar(const ThreadRecord& thread) const {
    const std::uint64_t now_ns = std::max(origin_.monotonic_ns, thread.since_ns);
    return {1, static_cast<double>(now_ns - thread.since_ns)};
  }

  bool AddWait(std::uint32_t id, WaitReason reason, const EventSum& sum) {
    const StackRecord* const stack = listing_.stacks().Find(id);
    const FrameList frames =
        stack != nullptr ? listing_.stacks().WaitFramesOf(*stack) : FrameList{};
    const bool lets_go = listing_.profile().name == kMutexProfile;
    const std::string_view by_frames =
        lets_go ? listing_.stacks().LockOf(frames) : listing_.stacks().ReasonOf(frames);
    // Of who wakes by a futex only frames tell whether it was a lock.
    if (lets_go && reason == WaitReason::kFutex && by_frames.empty()) return false;
    LocationList locations =
        AddLocations(frames, stack != nullptr && stack->is_truncated, listing_.table());
    listing_.Add(std::move(locations), kReasonLabel, WaitWords(reason, by_frames), sum);
    return true;
  }

  void AddComments() {
    std::vector<std::string>& comments = listing_.profile().comments;
    comments.push_back(absl::StrFormat("%s that ended, %s; %s under way, %s", CountedWaits(ended_),
                                       Seconds(ended_), CountedWaits(under_way_),
                                       Seconds(under_way_)));
    comments.push_back(RateWords());
    if (left_out_.events > 0)
      comments.push_back(absl::StrFormat("left out: %s, %s, at words that may be no locks",
                                         CountedWaits(left_out_), Seconds(left_out_)));
    if (listing_.profile().name == kWaitProfile) {
      comments.emplace_back(
          "waits for data, files and time are told by the kernel's coarse clock: their sum is "
          "right on average, their number without those shorter than its tick");
    }
    if (!origin_.is_alive) comments.emplace_back(kLowerBounds);
    for (const Loss& loss : ListThreadLosses(snapshot_)) comments.push_back(LossLine(loss));
  }

  static std::string CountedWaits(const EventSum& sum) {
    const std::int64_t count = Rounded(sum.events);
    return absl::StrFormat("%d wait%s", count, count == 1 ? "" : "s");
  }
  static std::string Seconds(const EventSum& sum) {
    return absl::StrFormat("%.3f s", sum.duration_ns / 1e9);
  }
  std::string RateWords() const {
    if (snapshot_.block_rate_ns == 0) return "waits that ended are not added up";
    return absl::StrFormat("waits of %d ns and longer each, shorter ones by chance",
                           snapshot_.block_rate_ns);
  }

  const SegmentSnapshot& snapshot_;
  const ProfileOrigin& origin_;
  EventListing listing_;
  EventSum ended_;
  EventSum left_out_;  // at a futex that no frame says to be a lock
  EventSum under_way_;
};

}  // namespace

Profile BuildWaitProfile(const std::string& name, const SegmentSnapshot& snapshot,
                         FrameNamer& namer, const ProfileOrigin& origin) {
  return WaitListing(name, snapshot, namer, origin).Run();
}

bool HasWaits(const std::string& name, const SegmentSnapshot& snapshot) {
  return std::any_of(snapshot.events.begin(), snapshot.events.end(),
                     [&name](const EventRecord& event) {
                       return IsIn(name, ReasonIn(name, event.kind));
                     }) ||
         std::any_of(snapshot.threads.begin(), snapshot.threads.end(),
                     [&name](const ThreadRecord& thread) { return IsWaiting(thread, name); });
}

}  // namespace limpet
