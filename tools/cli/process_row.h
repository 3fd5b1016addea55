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
#include "tools/reader/process_facts.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct ProcessRow {
  std::uint32_t pid = 0;
  std::string executable;
  std::string state;                        // see DescribeState
  std::string problem;                      // why the segment cannot be read, empty: it can
  std::optional<SegmentSnapshot> snapshot;  // absent: nothing sampled yet, or a problem
  std::optional<ProcessFacts> process;      // absent: dead
  Estimate heap;
  std::vector<Loss> losses;
};

// Every segment there is, and every process that is traced but has none yet; by PID.
std::vector<ProcessRow> ListProcessRows();

// "running", "dead", "exited", "gave up".
std::string DescribeState(const SegmentSnapshot& snapshot, bool is_alive);

// "SIGUSR1 dumps", or why not and what to do instead.
std::string DescribeDumpSignal(const SegmentSnapshot& snapshot, std::uint32_t pid);

}  // namespace limpet
