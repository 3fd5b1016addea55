#include "tools/profile/thread_lister.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/profile/location_table.h"
#include "tools/profile/lock_readers.h"
#include "tools/profile/loss.h"
#include "tools/profile/sample_order.h"
#include "tools/profile/stack_frames.h"
#include "tools/profile/thread_numbers.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_remark.h"
#include "tools/profile/wait_stacks.h"
#include "tools/profile/wait_words.h"

namespace limpet {
namespace {

std::map<std::uint64_t, const ReleaseRecord*> LastReleases(const SegmentSnapshot& snapshot) {
  std::map<std::uint64_t, const ReleaseRecord*> last;
  for (const ReleaseRecord& release : snapshot.releases) {
    const ReleaseRecord*& known = last[release.object];
    if (known == nullptr || known->time_ns < release.time_ns) known = &release;
  }
  return last;
}

class Listing {
 public:
  Listing(const SegmentSnapshot& snapshot, FrameNamer& namer, const ProfileOrigin& origin)
      : snapshot_(snapshot),
        stacks_(snapshot, namer),
        now_ns_(origin.monotonic_ns),
        numbers_(snapshot),
        dump_{.profile = {.name = kGoroutineProfile,
                          .period_type = {kGoroutineProfile, "count"},
                          .period = 1,
                          .sample_types = {{kGoroutineProfile, "count"}},
                          .time_unix_ns = origin.time_unix_ns},
              .program = ProgramOf(snapshot),
              .pid = snapshot.pid,
              .is_alive = origin.is_alive,
              .losses = ListThreadLosses(snapshot)},
        table_(snapshot, dump_.profile),
        releases_(LastReleases(snapshot)),
        readers_(snapshot, numbers_) {}

  ThreadDump Run() {
    for (std::size_t index = 0; index < snapshot_.threads.size(); ++index) {
      const ThreadRecord& thread = snapshot_.threads[index];
      if (thread.IsAlive()) AddThread(thread, numbers_.Of(index));
      if (thread.IsUnjoined()) ++dump_.unjoined;
    }
    std::sort(dump_.threads.begin(), dump_.threads.end(),
              [](const ListedThread& a, const ListedThread& b) { return a.number < b.number; });
    AddSamples();
    AddComments();
    return std::move(dump_);
  }

 private:
  void AddThread(const ThreadRecord& thread, std::uint32_t number) {
    ListedThread listed{.number = number,
                        .thread_id = thread.thread_id,
                        .name = thread.name,
                        .state = kRunningState,
                        .reason = kRunningState,
                        .is_seen_from_outside = thread.is_seen_from_outside,
                        .wait_channel = thread.wait_channel,
                        .cpu_percent = thread.cpu_percent,
                        .creator_number = BelievedNumber(thread.creator_number),
                        .park_count = thread.park_count,
                        .parked_ns = thread.parked_ns};
    listed.age_ns = SinceNs(thread.started_ns);
    AddCreation(thread, listed);
    if (thread.state == ThreadState::kParked)
      AddWait(thread, listed);
    else
      AddRunning(thread, listed);
    dump_.threads.push_back(std::move(listed));
  }

  // 0: unknown.
  std::optional<std::uint64_t> SinceNs(std::uint64_t moment_ns) const {
    if (moment_ns == 0 || now_ns_ == 0) return std::nullopt;
    return now_ns_ - std::min(moment_ns, now_ns_);
  }

  void AddCreation(const ThreadRecord& thread, ListedThread& listed) {
    const StackRecord* const stack = stacks_.Find(thread.creation_stack);
    if (stack == nullptr) return;
    const FrameList frames = stacks_.FramesOf(*stack);
    listed.creation_locations = AddLocations(frames, stack->is_truncated, table_);
  }

  void AddRunning(const ThreadRecord& thread, ListedThread& listed) {
    const StackRecord* const stack = stacks_.Find(thread.stack);
    if (stack == nullptr) return;
    const FrameList frames = stacks_.FramesOf(*stack);
    listed.locations = AddLocations(frames, stack->is_truncated, table_);
  }

  void AddWait(const ThreadRecord& thread, ListedThread& listed) {
    FrameList frames;
    if (const StackRecord* const stack = stacks_.Find(thread.stack)) {
      frames = stacks_.WaitFramesOf(*stack);
      listed.locations = AddLocations(frames, stack->is_truncated, table_);
      // The slot says more than libc's names; where there is none, these are what there is.
      if (thread.is_seen_from_outside) frames = stacks_.FramesOf(*stack);
    }
    listed.wait = thread.reason;
    listed.reason = WaitWords(thread, stacks_.ReasonOf(frames));
    listed.state = StatusWord(listed.reason);
    listed.object = thread.object;
    listed.descriptor = thread.descriptor;
    listed.descriptor_target = thread.descriptor_target;
    listed.waited_files = thread.waited_files;
    listed.other_waited_files = thread.other_waited_files;
    listed.peer = thread.peer;
    listed.has_socket_timeout = thread.has_socket_timeout;
    listed.missing_arrivals = thread.missing_arrivals;
    listed.timer_count = thread.timer_count;
    if (thread.timeout_ns != kNoTimeout) listed.timeout_ns = thread.timeout_ns;
    listed.waited_ns = SinceNs(thread.since_ns);
    AddOwner(thread, listed);
    AddReaders(thread, listed);
    AddWaker(thread, listed);
    listed.remark = WaitRemark(thread, listed);
  }

  void AddOwner(const ThreadRecord& thread, ListedThread& listed) const {
    if (thread.owner_thread_id == 0) return;
    const ThreadNumbers::Owner owner = numbers_.OwnerOf(thread);
    listed.owner_thread_id = thread.owner_thread_id;
    listed.owner_number = owner.number;
    listed.owner_life = owner.life;
  }

  // Of a lock that nobody writes, who waits to write it waits for them: for ever, where one has
  // ended.
  void AddReaders(const ThreadRecord& thread, ListedThread& listed) const {
    if (thread.reason != WaitReason::kWriteLock || thread.owner_thread_id != 0) return;
    if (const LockReaders::Ended* const ended = readers_.EndedOf(thread.object)) {
      listed.owner_thread_id = ended->thread_id;
      listed.owner_number = ended->number;
      listed.owner_life = OwnerLife::kExited;
    } else {
      listed.readers = readers_.Of(thread.object);
    }
  }

  // Only of what our hooks see let go: a lock or semaphore may have lain where there is another
  // object now.
  static bool HasWaker(WaitReason reason) {
    return reason == WaitReason::kMutex || reason == WaitReason::kReadLock ||
           reason == WaitReason::kWriteLock || reason == WaitReason::kCondition ||
           reason == WaitReason::kSemaphore || reason == WaitReason::kFutex;
  }

  void AddWaker(const ThreadRecord& thread, ListedThread& listed) {
    if (!HasWaker(thread.reason)) return;
    const auto release = releases_.find(thread.object);
    const bool is_held = listed.owner_thread_id != 0 || !listed.readers.empty();
    if (thread.object == 0 || is_held || release == releases_.end()) return;
    listed.waker_number = BelievedNumber(release->second->thread_number);
    listed.woken_ns = SinceNs(release->second->time_ns);
    const StackRecord* const stack = stacks_.Find(release->second->stack);
    if (stack == nullptr) return;
    listed.waker_locations = AddLocations(stacks_.FramesOf(*stack), stack->is_truncated, table_);
  }

  // What stands for the stack in a profile, where there are no threads to tell.
  LocationList ProfileLocations(const ListedThread& thread) {
    if (!thread.locations.empty()) return thread.locations;
    LocationList locations = {
        table_.AddMarker(thread.IsRunning() ? kRunningStack : kUnreadableStack)};
    if (thread.creation_locations.empty()) return locations;
    locations.push_back(table_.AddMarker("[created by]"));
    locations.insert(locations.end(), thread.creation_locations.begin(),
                     thread.creation_locations.end());
    return locations;
  }

  void AddSamples() {
    Profile& profile = dump_.profile;
    std::map<std::pair<std::string, std::string>, std::int32_t> label_sets;
    std::map<std::pair<LocationList, std::int32_t>, std::int64_t> counts;
    for (const ListedThread& thread : dump_.threads) {
      const auto [place, is_new] = label_sets.try_emplace(
          {thread.reason, thread.state}, static_cast<std::int32_t>(profile.label_sets.size()));
      if (is_new) {
        profile.label_sets.push_back(
            {{{kReasonLabel, thread.reason}, {kStateLabel, thread.state}}, {}});
      }
      ++counts[{ProfileLocations(thread), place->second}];
    }
    for (const auto& [stack, count] : counts) {
      profile.samples.push_back(
          {.locations = stack.first, .values = {count}, .labels = stack.second});
    }
    SortSamples(profile);
  }

  void AddComments() {
    std::vector<std::string>& comments = dump_.profile.comments;
    comments = SummaryLines(dump_);
    comments.insert(comments.begin(),
                    absl::StrFormat("limpet: goroutine of %s (pid %d)", dump_.program, dump_.pid));
  }

  const SegmentSnapshot& snapshot_;
  WaitStacks stacks_;
  const std::uint64_t now_ns_;
  const ThreadNumbers numbers_;
  ThreadDump dump_;
  LocationTable table_;
  const std::map<std::uint64_t, const ReleaseRecord*> releases_;  // by object
  const LockReaders readers_;
};

}  // namespace

ThreadDump ListThreads(const SegmentSnapshot& snapshot, FrameNamer& namer,
                       const ProfileOrigin& origin) {
  return Listing(snapshot, namer, origin).Run();
}

}  // namespace limpet
