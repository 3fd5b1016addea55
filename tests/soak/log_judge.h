// Holds the segment of a process that stands still, or is dead, against its own log.
//
//   of each thread's stacks:   truth <= segment <= truth + what its one call under way adds
//   in use:                    truth, with or without what each call under way adds or takes
//
// Runs: judges of the soak.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/soak/call_log.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct Verdict {
  std::vector<std::string> problems;
  std::uint64_t calls = 0;        // done, as the log says
  std::uint64_t under_way = 0;    // of them begun only
  std::uint64_t owners_off = 0;   // threads whose numbers are not exactly those of the calls done
  std::uint64_t objects_off = 0;  // by how much at most
  std::uint64_t bytes_off = 0;
  std::uint64_t starting = 0;  // samples lost while their segment was made

  void Add(const Verdict& other);
};

// `snapshot` may be of a sampled run, of which only what does not depend on chance is looked at.
Verdict JudgeSegment(const SegmentSnapshot& snapshot, const ProcessLog& log);

// Of a process that left no segment, or one that says it never began.
Verdict JudgeAbsence(const ProcessLog& log, std::uint64_t sample_bytes);

}  // namespace limpet
