// One traced process as `limpet ps` shows it.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/profile/estimate.h"
#include "tools/profile/loss.h"
#include "tools/reader/living_processes.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct ProcessRow {
  std::uint32_t pid = 0;
  std::string executable;
  std::string state;                        // see DescribeState; "starting", "unreadable"
  std::string problem;                      // why the segment cannot be read, empty: it can
  std::optional<SegmentSnapshot> snapshot;  // absent: nothing sampled yet, or a problem
  std::optional<ProcessFacts> process;      // absent: dead, or of another container
  std::uint64_t died_unix_ns = 0;           // when it was last seen, 0: it is not dead
  std::string path;                         // of the segment, empty: none
  std::string dump_target;                  // what `limpet dump` finds it by
  Estimate heap;
  std::vector<Loss> losses;
};

// Every segment there is, and every process that is traced but has none yet; by PID.
std::vector<ProcessRow> ListProcessRows();

// "running", "gave up", "dead", "exited", "other container".
std::string DescribeState(const SegmentSnapshot& snapshot, Life life);

// Dumps that were asked for, but no companion could be started. 0 while one watches: it writes
// them.
std::uint32_t WaitingRequests(const SegmentSnapshot& snapshot);

// What became of them and what to do. Empty: none waits.
std::string DescribeWaitingRequests(const SegmentSnapshot& snapshot, std::uint32_t pid);

// The companion that watches it, 0: none.
std::uint32_t WatcherOf(const SegmentSnapshot& snapshot);

// "SIGUSR1 dumps", or why not and what to do instead.
std::string DescribeDumpSignal(const SegmentSnapshot& snapshot, std::uint32_t pid);

}  // namespace limpet
