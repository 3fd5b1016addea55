// Which read-write locks a thread has taken for reading. libc counts readers and does not know
// them; who waits to write then waits for each of them.
//
//   locks   0x5000 | 0 | 0x7040 | 0 ...      free places are 0; one lock twice is two places
//
// Written by the thread alone, a word each. Who takes more at once than there are places is not
// known to hold the others.
//
// Runs: target hot path | companion.  Threads: one writes.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

namespace limpet {

inline constexpr int kMostReadHolds = 8;

struct alignas(64) ReadHolds {
  std::atomic<std::uint64_t> locks[kMostReadHolds];  // addresses
};
static_assert(sizeof(ReadHolds) == 64 && std::is_standard_layout_v<ReadHolds>);

}  // namespace limpet
