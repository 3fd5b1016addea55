// Finds what `limpet dump` was asked for: a living process, a dead one's segment, or a file.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "tools/cli/commands.h"
#include "tools/profile/coverage.h"
#include "tools/reader/living_processes.h"
#include "tools/reader/process_facts.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/threads/running_threads.h"

namespace limpet {

struct DumpTarget {
  SegmentSnapshot snapshot;
  std::optional<ProcessFacts> process;  // absent: it died, or is in another container
  Life life = Life::kAlive;
  std::string segment_path;  // empty: it has none yet
  std::int64_t read_unix_ns = 0;
  std::uint64_t read_monotonic_ns = 0;
  AskedThreads asked;           // for their stacks, before the segment was read
  bool is_copy = false;         // a file that is not where its process wrote
  bool is_handed_over = false;  // by the living process itself, which /proc may hide from us

  bool IsRunning() const { return process.has_value() || is_handed_over; }
};

// A traced process that has sampled nothing has no segment yet: it gets an empty snapshot. Started
// by a signal, waits a moment for a segment that is just being made. For a raw copy, only the
// header is read. Threads are completed by what /proc tells, if they are asked for.
absl::StatusOr<DumpTarget> FindDumpTarget(const DumpOptions& options);

// A living process to name a dump by, without anything of what it allocated.
DumpTarget EmptyTarget(const ProcessFacts& process);

// How much of its memory is explained; absent: it is dead.
std::optional<Coverage> CoverageOf(const DumpTarget& target);

// LIMPET_DIR that a living process was started with, made absolute.
std::string RequestedDirectory(std::uint32_t pid);

// What stands in the segment is the word of our own user: not another's, nor of one who has it
// still mapped but gave up our rights.
bool IsOurWord(const DumpTarget& target);

// Where the target wants its dumps; of a copy: where it lies. Never empty.
std::string DumpDirectory(const DumpTarget& target);

// When the snapshot was true: now, when its process was last seen, or when it was copied.
std::int64_t SnapshotTime(const DumpTarget& target);

// The same by the clock that the target's times are of, CLOCK_MONOTONIC.
std::uint64_t MonotonicTime(const DumpTarget& target);

}  // namespace limpet
