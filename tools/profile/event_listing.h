// A profile under construction of what threads did: what has the same stack and the same label is
// added up.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tools/profile/location_table.h"
#include "tools/profile/profile.h"
#include "tools/profile/stack_frames.h"
#include "tools/profile/wait_stacks.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Not whole numbers: a sample may stand for two waits and a half. Of a forged segment both may be
// more than any profile says.
struct EventSum {
  double events = 0;
  double duration_ns = 0;

  void Add(const EventSum& other) {
    events += other.events;
    duration_ns += other.duration_ns;
  }
};

EventSum SumOf(const EventRecord& event);

// As a profile has it: at most 2^62.
std::int64_t Rounded(double value);

class EventListing {
 public:
  // All must outlive the listing.
  EventListing(const std::string& name, const SegmentSnapshot& snapshot, FrameNamer& namer,
               const ProfileOrigin& origin);

  Profile& profile() { return profile_; }
  LocationTable& table() { return table_; }
  WaitStacks& stacks() { return stacks_; }

  // `label` and what it says of these events, which lie at `locations`.
  void Add(LocationList locations, const char* label, const std::string& text, const EventSum& sum);

  // Of as many values as it has sample types: events, or events and duration.
  Profile Take();

 private:
  Profile profile_;
  LocationTable table_;
  WaitStacks stacks_;
  std::map<std::string, std::int32_t> labels_;
  std::map<std::pair<LocationList, std::int32_t>, EventSum> sums_;
};

}  // namespace limpet
