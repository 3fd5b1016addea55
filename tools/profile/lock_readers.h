// Who has which locks for reading, as the threads' slots say.
//
//   lock 0x5000 ──▶ threads 4, 7, 9          lock 0x7040 ──▶ thread 5, which has ended with it
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "tools/profile/thread_numbers.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Of more only so many are told, those that wait themselves first: a crowd that waits to write
// would each have the list of a crowd that reads.
inline constexpr std::size_t kMostReaders = 256;

class LockReaders {
 public:
  LockReaders(const SegmentSnapshot& snapshot, const ThreadNumbers& numbers);

  // Of threads that live, in the order of their numbers.
  std::vector<std::uint32_t> Of(std::uint64_t lock) const;

  struct Ended {
    std::uint32_t number = 0;
    std::uint32_t thread_id = 0;
  };
  // One that ended without leaving it; nullptr: none is known.
  const Ended* EndedOf(std::uint64_t lock) const;

 private:
  void AddThreads(const SegmentSnapshot& snapshot, const ThreadNumbers& numbers, ThreadState state);
  void AddThread(const ThreadRecord& thread, std::uint32_t number);

  std::map<std::uint64_t, std::vector<std::uint32_t>> readers_;
  std::map<std::uint64_t, Ended> ended_;
};

}  // namespace limpet
