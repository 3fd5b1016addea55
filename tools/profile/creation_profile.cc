#include "tools/profile/creation_profile.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "absl/strings/str_format.h"
#include "tools/profile/event_listing.h"
#include "tools/profile/loss.h"
#include "tools/profile/thread_lister.h"

namespace limpet {
namespace {

constexpr char kLive[] = "live";
constexpr char kUnjoined[] = "unjoined";
constexpr char kExited[] = "exited";

bool IsCreation(const EventRecord& event) { return event.kind == EventKind::kThreadCreation; }

// How many threads a stack has made, and what has become of them.
struct Creation {
  double made = 0;
  double live = 0;
  double unjoined = 0;
};

std::map<std::uint32_t, Creation> CreationsOf(const SegmentSnapshot& snapshot) {
  std::map<std::uint32_t, Creation> creations;
  for (const EventRecord& event : snapshot.events) {
    if (IsCreation(event)) creations[event.stack].made += SumOf(event).events;
  }
  for (const ThreadRecord& thread : snapshot.threads) {
    if (thread.creator_number == 0) continue;
    if (thread.IsAlive()) ++creations[thread.creation_stack].live;
    if (thread.IsUnjoined()) ++creations[thread.creation_stack].unjoined;
  }
  return creations;
}

class CreationListing {
 public:
  CreationListing(const SegmentSnapshot& snapshot, FrameNamer& namer, const ProfileOrigin& origin)
      : snapshot_(snapshot), listing_(kThreadCreateProfile, snapshot, namer, origin) {
    Profile& profile = listing_.profile();
    profile.sample_types = {{kThreadCreateProfile, "count"}};
    profile.period_type = {kThreadCreateProfile, "count"};
  }

  Profile Run() {
    for (const auto& [stack, creation] : CreationsOf(snapshot_)) AddStack(stack, creation);
    for (const ThreadRecord& thread : snapshot_.threads) {
      if (thread.creator_number == 0 && thread.IsAlive()) AddUnmade(thread);
    }
    listing_.profile().comments.push_back(
        absl::StrFormat("%d threads: %d live, %d ended and not joined, %d ended",
                        Rounded(all_.live + all_.unjoined + exited_), Rounded(all_.live),
                        Rounded(all_.unjoined), Rounded(exited_)));
    for (const Loss& loss : ListThreadLosses(snapshot_))
      listing_.profile().comments.push_back(LossLine(loss));
    return listing_.Take();
  }

 private:
  void AddStack(std::uint32_t id, const Creation& creation) {
    const StackRecord* const stack = listing_.stacks().Find(id);
    const FrameList frames = stack != nullptr ? listing_.stacks().FramesOf(*stack) : FrameList{};
    const LocationList locations =
        AddLocations(frames, stack != nullptr && stack->is_truncated, listing_.table());
    const double exited = std::max(0.0, creation.made - creation.live - creation.unjoined);
    listing_.Add(locations, kStateLabel, kLive, {creation.live, 0});
    listing_.Add(locations, kStateLabel, kUnjoined, {creation.unjoined, 0});
    listing_.Add(locations, kStateLabel, kExited, {exited, 0});
    all_.live += creation.live;
    all_.unjoined += creation.unjoined;
    exited_ += exited;
  }

  // The main thread, and those that no hook saw being made.
  void AddUnmade(const ThreadRecord& thread) {
    constexpr std::uint32_t kMainNumber = 1;
    const char* const name = thread.number == kMainNumber ? "[main thread]" : "[creation not seen]";
    listing_.Add({listing_.table().AddMarker(name)}, kStateLabel, kLive, {1, 0});
    ++all_.live;
  }

  const SegmentSnapshot& snapshot_;
  EventListing listing_;
  Creation all_;
  double exited_ = 0;
};

}  // namespace

Profile BuildCreationProfile(const SegmentSnapshot& snapshot, FrameNamer& namer,
                             const ProfileOrigin& origin) {
  return CreationListing(snapshot, namer, origin).Run();
}

bool HasCreations(const SegmentSnapshot& snapshot) {
  return std::any_of(snapshot.events.begin(), snapshot.events.end(), IsCreation);
}

}  // namespace limpet
