// What the profile of several processes says of itself: of the whole, of each process, and of those
// that are not in it.
//
//   limpet: heap of nginx (pid 100) and its descendants: 4 processes
//   one sample per 524288 bytes; ...
//   in use: ...   allocated: ...   coverage: ...   loss: ...        of all together
//   pid 101 (nginx): in use 12.1 MiB ± 12 % ...; allocated ...; 40.3 MiB resident anonymous
//   left out (not traced): 105 (sh), 106 (tee)
//
// Hundreds of processes make no hundreds of lines: the largest are named, the others added up.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/profile/coverage.h"
#include "tools/profile/estimate.h"
#include "tools/profile/loss.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// One process's share.
struct ProcessPart {
  std::uint32_t pid = 0;
  std::string program;
  std::int64_t threads = 0;  // of a goroutine profile
  std::int64_t running = 0;  // of those
  double events = 0;         // of a profile of what threads did: waits, or threads made
  double delay_ns = 0;       // of those waits
  std::uint64_t interval_bytes = 0;
  Estimate total;
  std::vector<Loss> losses;
  std::optional<Coverage> coverage;  // absent: it is dead
};

struct LeftOutProcess {
  std::uint32_t pid = 0;
  std::string program;  // empty: not known
  std::string reason;   // "not traced"
};

struct ProcessTreeParts {
  std::string profile;  // "heap"
  std::uint32_t root_pid = 0;
  std::string root_program;
  std::vector<ProcessPart> parts;
  std::vector<LeftOutProcess> left_out;
};

std::vector<std::string> TreeComments(const ProcessTreeParts& tree);

// "left out (not traced): 105 (sh), 106 (tee)": a line for each reason, up to a limit.
std::vector<std::string> LeftOutLines(const std::vector<LeftOutProcess>& left_out);

}  // namespace limpet
