// Threads begin, hand blocks to each other and end as they do without us, and every block is seen.

#include <cmath>

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kThreads[] = LIMPET_PROGRAMS "/threads";
constexpr char kPlainCHost[] = LIMPET_PROGRAMS "/plain_c_host";
constexpr char kThrower[] = LIMPET_PROGRAMS "/libthrower.so";

TEST(Threads, BlocksFreedByAnotherThreadAreGone) {
  constexpr std::int64_t kBlocks = 50'048;  // times 1 to 128 bytes, each size equally often
  TracedProgram program({kThreads, "pairs", std::to_string(kBlocks)}, {kExact});
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Produce"),
            (SiteTotals{4 * kBlocks, 4 * kBlocks / 128 * (128 * 129 / 2), 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Consume"), SiteTotals{});
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Threads, DestructorsRunHoweverTheThreadEnds) {
  TracedProgram program({kThreads, "ends"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "destroyed 200");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Owner::Owner"), (SiteTotals{200, 12'000, 0, 0}));
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Threads, ManyShortOnesShareTheSameFewRecords) {
  std::string count = Repeats(20'000, 200'000);
  std::int64_t threads = std::stoll(count);
  TracedProgram program({kThreads, "many", count}, {kExact});
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ShortAllocates"),
            (SiteTotals{2 * threads, 56 * threads, 0, 0}));
  EXPECT_LE(snapshot.threads.size(), 3u);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// A weight of 2 for each of the half that are samples: neither all, nor none, nor each thread as
// the one before it. False failures 6e-7 each.
TEST(Threads, SampleTheirFirstBlockAsOftenAsAnyOther) {
  const std::string count = Repeats(20'000, 100'000);
  const double threads = std::stod(count);
  TracedProgram program({kThreads, "two_blocks", count}, {"LIMPET_SAMPLE_BYTES=4096"});
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  for (const char* site : {"AllocateFirst", "AllocateSecond"}) {
    const auto objects = static_cast<double>(TotalsOf(snapshot, "heap", site).allocated_objects);
    EXPECT_NEAR(objects, threads, 5 * std::sqrt(threads)) << site;
  }
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Threads, BlocksOfThreadDestructorsAreOnTheirOwnStacks) {
  TracedProgram program({kThreads, "many", "500"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "~LateOwner"), (SiteTotals{500, 24'000, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "KeyDestructor"), (SiteTotals{1000, 24'000, 0, 0}));
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Threads, TheSmallestStackIsEnough) {
  TracedProgram program({kThreads, "small_stack"}, {kExact});
  auto child = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  ASSERT_NE(child, 0u) << "the program ended with " << program.Finish();
  const SiteTotals totals = {100, 5950, 0, 0};
  EXPECT_EQ(TotalsOf(ReadProcess(program, child), "heap", "SmallAllocates"), totals);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "SmallAllocates"), totals);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Exceptions, ArePassedThroughInAPluginOfACProgram) {
  TracedProgram program({kPlainCHost, kThrower, "quiet"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "caught");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_GE(TotalsOf(snapshot, "heap", "PluginCatches").allocated_objects, 3 * 1000)
      << "each time a text, its copy, and the exception";
  SiteTotals exceptions = TotalsOf(snapshot, "heap", "__cxa_allocate_exception");
  EXPECT_EQ(exceptions.allocated_objects, 1000);
  EXPECT_EQ(exceptions.objects_in_use, 0);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Exceptions, ThatNobodyCatchesEndTheProgramAsEver) {
  TracedProgram program({kPlainCHost, kThrower, "throw"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "caught");
  program.Continue();
  EXPECT_EQ(program.Finish(), 128 + SIGABRT);
}

}  // namespace
}  // namespace limpet
