// Threads that stand at the same place, taken together.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tools/profile/thread_dump.h"
#include "tools/render/simple_frames.h"

namespace limpet {

// All have one stack, state and reason, and were made at one line: a compiler often makes several
// calls of it.
struct ThreadGroup {
  std::vector<const ListedThread*> threads;  // longest wait first; point into the dump
  std::optional<std::uint64_t> longest_ns;
  std::optional<std::uint64_t> shortest_ns;
};

// Longest wait first, then those of unknown age, then those that run.
std::vector<ThreadGroup> GroupThreads(const ThreadDump& dump, const SimpleFrames& frames);

}  // namespace limpet
