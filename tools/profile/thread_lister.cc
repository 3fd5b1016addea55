#include "tools/profile/thread_lister.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "tools/profile/library_frames.h"
#include "tools/profile/location_table.h"
#include "tools/profile/loss.h"
#include "tools/profile/sample_order.h"
#include "tools/profile/simple_name.h"
#include "tools/profile/stack_frames.h"
#include "tools/profile/thread_numbers.h"
#include "tools/profile/thread_summary.h"
#include "tools/profile/wait_remark.h"
#include "tools/profile/wait_words.h"

namespace limpet {
namespace {

// Of libc, where a thread waits that no hook saw: hooks stand before these.
bool IsWaitInternal(const NamedFrame& frame, const SegmentSnapshot& snapshot) {
  if (frame.module == 0) return false;
  const std::string file = BaseName(snapshot.modules[frame.module].path);
  return absl::StartsWith(file, "libc.so") || absl::StartsWith(file, "libpthread") ||
         absl::StartsWith(file, "ld-linux");
}

bool IsNothing(const NamedFrame&, const SegmentSnapshot&) { return false; }

bool IsAlive(const ThreadRecord& thread) {
  return thread.state == ThreadState::kRunning || thread.state == ThreadState::kParked;
}

bool IsUnjoined(const ThreadRecord& thread) {
  constexpr std::uint32_t kMainNumber = 1;  // which nobody is to join
  return thread.state == ThreadState::kExited && thread.number > kMainNumber &&
         (thread.life & (kThreadDetached | kThreadJoined)) == 0;
}

class Listing {
 public:
  Listing(const SegmentSnapshot& snapshot, FrameNamer& namer, const ProfileOrigin& origin)
      : snapshot_(snapshot),
        namer_(namer),
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
        table_(snapshot, dump_.profile) {}

  ThreadDump Run() {
    for (std::size_t index = 0; index < snapshot_.threads.size(); ++index) {
      const ThreadRecord& thread = snapshot_.threads[index];
      if (IsAlive(thread)) AddThread(thread, numbers_.Of(index));
      if (IsUnjoined(thread)) ++dump_.unjoined;
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
    const StackRecord* const stack = FindStack(thread.creation_stack);
    if (stack == nullptr) return;
    const FrameList frames = ProgramFrames(*stack, snapshot_, namer_, IsNothing);
    listed.creation_locations = AddLocations(frames, stack->is_truncated, table_);
  }

  void AddRunning(const ThreadRecord& thread, ListedThread& listed) {
    const StackRecord* const stack = FindStack(thread.stack);
    if (stack == nullptr) return;
    const FrameList frames = ProgramFrames(*stack, snapshot_, namer_, IsNothing);
    listed.locations = AddLocations(frames, stack->is_truncated, table_);
  }

  void AddWait(const ThreadRecord& thread, ListedThread& listed) {
    FrameList frames;
    if (const StackRecord* const stack = FindStack(thread.stack)) {
      frames = WaitFrames(*stack);
      listed.locations = AddLocations(frames, stack->is_truncated, table_);
      // The slot says more than libc's names; where there is none, these are what there is.
      if (thread.is_seen_from_outside) frames = ProgramFrames(*stack, snapshot_, namer_, IsNothing);
    }
    listed.wait = thread.reason;
    listed.reason = WaitWords(thread, ReasonByFrames(SimpleNames(frames)));
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
    listed.remark = WaitRemark(thread, listed);
  }

  // A stack of libc alone is one of libc's own threads.
  FrameList WaitFrames(const StackRecord& stack) {
    FrameList frames = ProgramFrames(stack, snapshot_, namer_, IsWaitInternal);
    const bool is_internal = !frames.empty() && IsWaitInternal(*frames.front(), snapshot_);
    return is_internal ? ProgramFrames(stack, snapshot_, namer_, IsNothing) : frames;
  }

  void AddOwner(const ThreadRecord& thread, ListedThread& listed) const {
    if (thread.owner_thread_id == 0) return;
    const ThreadNumbers::Owner owner = numbers_.OwnerOf(thread);
    listed.owner_thread_id = thread.owner_thread_id;
    listed.owner_number = owner.number;
    listed.owner_life = owner.life;
  }

  const StackRecord* FindStack(std::uint32_t id) const {
    const auto stack = snapshot_.stacks.find(id);
    const bool is_known = id != 0 && stack != snapshot_.stacks.end() &&
                          (!stack->second.frames.empty() || stack->second.is_truncated);
    return is_known ? &stack->second : nullptr;
  }

  // Names are long and many threads share them. Those of code that was compiled at run time are
  // as they are.
  std::string_view Simple(const NamedFrame& frame, const NamedSource& source) {
    if (frame.module == 0) return source.name;
    const auto [place, is_new] = simple_names_.try_emplace(source.name);
    if (is_new) place->second = SimpleName(source.name);
    return place->second;
  }

  std::vector<std::string_view> SimpleNames(const FrameList& frames) {
    std::vector<std::string_view> names;
    for (const NamedFrame* frame : frames) {
      for (const NamedSource& source : frame->sources) names.push_back(Simple(*frame, source));
    }
    return names;
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
  FrameNamer& namer_;
  const std::uint64_t now_ns_;
  const ThreadNumbers numbers_;
  ThreadDump dump_;
  LocationTable table_;
  std::map<std::string_view, std::string> simple_names_;
};

}  // namespace

ThreadDump ListThreads(const SegmentSnapshot& snapshot, FrameNamer& namer,
                       const ProfileOrigin& origin) {
  return Listing(snapshot, namer, origin).Run();
}

}  // namespace limpet
