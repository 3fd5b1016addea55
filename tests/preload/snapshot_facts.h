// What the end-to-end tests ask of a snapshot again and again.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>

#include <optional>
#include <string>

#include "tests/support/site_totals.h"
#include "tests/support/traced_program.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_reader.h"

namespace limpet {

// The segment of a process that `program` started.
inline SegmentSnapshot ReadProcess(const TracedProgram& program, std::uint32_t pid) {
  std::optional<SegmentEntry> entry = FindNewestSegment({program.runtime_directory()}, pid);
  if (!entry) {
    ADD_FAILURE() << "no segment of pid " << pid;
    return {};
  }
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry->path);
  if (!snapshot.ok()) ADD_FAILURE() << snapshot.status();
  return snapshot.ok() ? *std::move(snapshot) : SegmentSnapshot();
}

inline void ExpectNothingLost(const SegmentSnapshot& snapshot) {
  for (const auto& [name, value] : snapshot.counters) {
    bool is_loss = name.find("dropped") != std::string::npos || name == "reservation_failures" ||
                   name == "stale_mappings" || name == "truncated_stacks";
    EXPECT_TRUE(!is_loss || value == 0) << name << ' ' << value;
  }
  EXPECT_EQ(snapshot.torn_slots, 0u);
  EXPECT_EQ(snapshot.invalid_slots, 0u);
}

// The number behind the last space of a program's line.
inline std::uint64_t NumberIn(const std::string& line) {
  return strtoull(line.c_str() + line.rfind(' ') + 1, nullptr, 10);
}

// How often a program repeats its work: `usual`, or `often` when LIMPET_LONG asks for long tests.
inline std::string Repeats(int usual, int often) {
  const char* is_long = getenv("LIMPET_LONG");
  return std::to_string(is_long != nullptr && strcmp(is_long, "1") == 0 ? often : usual);
}

inline constexpr char kExact[] = "LIMPET_SAMPLE_BYTES=1";

}  // namespace limpet
