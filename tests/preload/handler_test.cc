// Signal handlers that allocate, interrupt our hooks anywhere and may never come back.

#include <stdio.h>

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kStormHandler[] = LIMPET_PROGRAMS "/storm_handler";

struct Storm {
  unsigned long allocated = 0;
  int handled = 0;
  int jumps = 0;
  SegmentSnapshot snapshot;
};

// The timer is the program's SIGALRM, so `timeout` ends one that hangs.
Storm RunStorm(const std::string& mode) {
  TracedProgram program(
      {"/usr/bin/timeout", "-s", "KILL", "60", kStormHandler, mode, Repeats(1500, 30'000)},
      {kExact});
  Storm storm;
  std::string line = program.ReadLine();
  int read = sscanf(line.c_str(), "allocated %lu handled %d jumps %d", &storm.allocated,
                    &storm.handled, &storm.jumps);
  EXPECT_EQ(read, 3) << line;
  for (const std::string& path : program.Segments()) {
    absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(path);
    bool is_storm = snapshot.ok() && snapshot->executable.ends_with("storm_handler");
    if (is_storm) storm.snapshot = *std::move(snapshot);
  }
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_GT(storm.handled + storm.jumps, 100) << "the timer runs";
  return storm;
}

constexpr SiteTotals kAfterwards = {100, 7000, 100, 7000};

class HandlerThatReturns : public testing::TestWithParam<const char*> {};

TEST_P(HandlerThatReturns, LosesNothingOfTheProgramItself) {
  Storm storm = RunStorm(GetParam());
  SiteTotals main = TotalsOf(storm.snapshot, "heap", "MainAllocates");
  SiteTotals handler = TotalsOf(storm.snapshot, "heap", "HandlerAllocates");
  auto dropped = static_cast<std::int64_t>(CounterOf(storm.snapshot, "dropped_reentrant"));
  EXPECT_EQ(main.objects_in_use, 0);
  EXPECT_EQ(main.bytes_in_use, 0);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "MainResizes").objects_in_use, 0);
  EXPECT_EQ(handler.objects_in_use, 0);
  EXPECT_EQ(handler.allocated_objects + dropped, 5 * static_cast<std::int64_t>(storm.handled))
      << "each is counted, as a sample or as a loss";
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "AfterwardsAllocates"), kAfterwards);
}

INSTANTIATE_TEST_SUITE_P(Stacks, HandlerThatReturns, testing::Values("plain", "altstack"));

TEST(HandlerThatJumps, OutOfTheProgramsOwnCodeLeavesNothing) {
  Storm storm = RunStorm("jump");
  EXPECT_GT(storm.jumps, 10);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "MainAllocates").objects_in_use, 0);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "MainResizes").objects_in_use, 0);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "AfterwardsAllocates"), kAfterwards);
}

TEST(HandlerThatJumps, OutOfOurHooksDoesNotEndTheThreadsSampling) {
  Storm storm = RunStorm("wild");
  EXPECT_GT(storm.jumps, 10);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "AfterwardsAllocates"), kAfterwards)
      << "reentrant: " << CounterOf(storm.snapshot, "dropped_reentrant");
}

TEST(HandlerThatJumps, OutOfAnotherThatAllocatesOnASignalStackDoesNotEither) {
  Storm storm = RunStorm("nested");
  EXPECT_GT(storm.jumps, 10);
  EXPECT_EQ(TotalsOf(storm.snapshot, "heap", "AfterwardsAllocates"), kAfterwards)
      << "reentrant: " << CounterOf(storm.snapshot, "dropped_reentrant");
}

}  // namespace
}  // namespace limpet
