// What a companion writes into a segment: that it watches, what it has answered, who is dead.
//
// By pwrite of exactly these fields of the header, into a regular file that is a segment; anything
// else in it is its target's. Without the right to write the file there are no marks.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "tools/reader/process_end.h"

namespace limpet {

// The file keeps its time, which tells when a dead process lived: only who beats says that one
// lives.
struct SegmentMarks {
  std::optional<std::uint32_t> watcher_pid;
  std::optional<std::uint64_t> beat_ns;            // CLOCK_MONOTONIC
  std::optional<std::uint32_t> answered_requests;  // never backwards: two dumps may overtake
  std::optional<std::uint32_t> done_dump_pid;
  // Of the dead.
  bool has_last_profile = false;
  std::optional<std::uint64_t> found_dead_unix_ns;
  std::optional<ProcessEnd> end;
};

absl::Status WriteMarks(const std::string& path, const SegmentMarks& marks);

}  // namespace limpet
