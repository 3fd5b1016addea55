// Adds up what threads do at a stack: EventSites of the segment, found by their keys.
//
//   home = hash(key)     first among 128 sites (one page: most programs), then 1024, then all
//
// A site is claimed by putting its key where there was none, and stays. So a look-up that comes to
// a free one has seen all there is, and two threads that add the same one meet at the same place.
//
// Runs: target hot path (slow side: after a wait).  Threads: any; async-signal-safe.  Allocates:
// pages of the segment.
#pragma once

#include <cstdint>

#include "runtime/layout/event_site.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

class EventTable {
 public:
  // Starts empty in a fresh segment.
  void Attach(SegmentWriter* segment);

  // `weight`: how many events, in units of 2^-kWeightBits; `duration_ns`: of all of them. Counted
  // as a loss where there is no room; false then.
  bool Add(StackId stack, EventKind kind, std::uint64_t weight, std::uint64_t duration_ns);
  void CountLoss();

  // Takes back one event without a duration that was added a moment ago.
  void TakeBack(StackId stack, EventKind kind);

 private:
  EventSite* FindOrAdd(std::uint64_t key);
  struct Search {
    std::uint64_t key;
    EventSite* found;
  };
  bool IsOverWithin(std::uint64_t sites, std::uint64_t probes, Search* search);
  bool IsOverAt(std::uint64_t index, Search* search);

  SegmentWriter* segment_ = nullptr;
  SectionEntry* section_ = nullptr;
  EventSite* sites_ = nullptr;
};

}  // namespace limpet
