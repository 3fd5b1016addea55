// Remembers who let others go on, and when: so that a wait that is over can be charged to those who
// made it last.
//
//   waiter    began |-------------------------------| ended
//   releases            ^ by A            ^ by B
//   charged         |-- A --|----- B -----|---- B --|
//
// Written only where somebody waits, by a thread that is about to wake it. All are told from one
// object to the next by the entry itself, so a slot that two objects share costs memory of the
// past, never a false answer.
//
// Runs: target hot path (slow side: where a lock is waited for).  Threads: any; async-signal-safe.
// Allocates: pages of the segment.
#pragma once

#include <cstdint>

#include "runtime/layout/release_slot.h"
#include "runtime/table/segment_writer.h"

namespace limpet {

struct Release {
  std::uint64_t time_ns;
  StackId stack;
  std::uint32_t thread_number;
};

class ReleaseLog {
 public:
  // Starts empty in a fresh segment.
  void Attach(SegmentWriter* segment);

  void Note(std::uint64_t object, const Release& release);

  // Those of `object` later than `from_ns` and no later than `until_ns`, oldest first. How many;
  // `found` has room for all.
  std::uint32_t Between(std::uint64_t from_ns, std::uint64_t until_ns, std::uint64_t object,
                        Release (&found)[kKeptReleases]) const;

 private:
  // nullptr: no room.
  ReleaseSlot* SlotOf(std::uint64_t object) const;

  SegmentWriter* segment_ = nullptr;
  SectionEntry* section_ = nullptr;
  ReleaseSlot* slots_ = nullptr;
};

}  // namespace limpet
