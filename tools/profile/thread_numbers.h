// What the threads of a process are called: small numbers, in the order in which they were made.
//
//   1  main thread      2, 3, ...  as the target counted them      4711  no hook saw it: its tid
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "tools/profile/thread_dump.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// 0, unknown, where no target would have given such a number: one is for each thread that it ever
// made.
std::uint32_t BelievedNumber(std::uint32_t number);

class ThreadNumbers {
 public:
  explicit ThreadNumbers(const SegmentSnapshot& snapshot);

  // Of SegmentSnapshot::threads[index]. Different for each.
  std::uint32_t Of(std::size_t index) const { return numbers_[index]; }

  struct Owner {
    std::uint32_t number = 0;  // 0: unknown
    OwnerLife life = OwnerLife::kUnknown;
  };
  // Whom the thread waits for: who had that kernel's id (0: nobody) when it was noted, which is
  // when the wait began or now. Ids are given again, and who started later is innocent.
  Owner OwnerOf(const ThreadRecord& waiting) const;

 private:
  static std::uint32_t FreeNumber(const SegmentSnapshot& snapshot, std::size_t index,
                                  std::set<std::uint32_t>& taken);
  void AddOwners(const SegmentSnapshot& snapshot);

  std::vector<std::uint32_t> numbers_;
  // By id, and by when they started: of those down to an entry it is the one.
  std::map<std::uint32_t, std::map<std::uint64_t, Owner>> owners_;
};

}  // namespace limpet
