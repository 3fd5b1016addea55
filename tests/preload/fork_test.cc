// A child has a segment of its own, and never touches its parent's.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kForks[] = LIMPET_PROGRAMS "/forks";

class ForkedChild : public testing::TestWithParam<const char*> {};

TEST_P(ForkedChild, StartsEmptyAndLeavesItsParentAlone) {
  TracedProgram program({kForks, GetParam()}, {kExact});
  const SiteTotals parents = {10, 1000, 10, 1000};

  auto child = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  SegmentSnapshot in_child = ReadProcess(program, child);
  SegmentSnapshot in_parent = program.Read();
  EXPECT_EQ(in_child.pid, child);
  EXPECT_EQ(TotalsOf(in_child, "heap", "ChildAllocates"), (SiteTotals{8, 400, 7, 350}));
  EXPECT_EQ(TotalsOf(in_child, "heap", "ParentAllocates"), SiteTotals{});
  EXPECT_EQ(TotalsOf(in_parent, "heap", "ParentAllocates"), parents);
  EXPECT_EQ(TotalsOf(in_parent, "heap", "ChildAllocates"), SiteTotals{});
  ExpectNothingLost(in_child);
  program.Continue();

  auto grandchild = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  SegmentSnapshot in_grandchild = ReadProcess(program, grandchild);
  EXPECT_EQ(TotalsOf(in_grandchild, "heap", "GrandchildAllocates"), (SiteTotals{1, 30, 1, 30}));
  EXPECT_EQ(TotalsOf(in_grandchild, "heap", "ChildAllocates"), SiteTotals{});
  EXPECT_EQ(program.Segments().size(), 3u);
  ExpectNothingLost(in_grandchild);
  program.Continue();

  ASSERT_EQ(program.ReadLine(), "parent");
  EXPECT_EQ(program.Segments().size(), 1u) << "children that ended leave no segment";
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "ParentAllocates"), parents);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "freed");
  SegmentSnapshot at_end = program.Read();
  EXPECT_EQ(TotalsOf(at_end, "heap", "ParentAllocates"), (SiteTotals{10, 1000, 0, 0}));
  ExpectNothingLost(at_end);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, ForkedChild,
                         testing::Values("fork", "_Fork", "SYS_fork", "SYS_clone", "SYS_clone3"));

// A server that forks for each connection pays for it a thousand times a second. It was 180 pages
// where tables were gone through that the child has no use for.
TEST(BriefChild, TouchesFewPagesAtItsFirstSample) {
  TracedProgram program({kForks, "brief"}, {"LIMPET_SAMPLE_BYTES=4096"});
  EXPECT_LT(NumberIn(program.ReadLine()), 70);
  EXPECT_EQ(program.Segments().size(), 2u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

// Each of them would make the segment, and what the others allocate meanwhile would be lost.
TEST(ChildOfThreads, LosesNothingWhereItsThreadsAreTheFirstToAllocate) {
  TracedProgram program({kForks, "first"}, {kExact});
  for (int i = 0; i < 20; ++i) {
    SegmentSnapshot in_child =
        ReadProcess(program, static_cast<std::uint32_t>(NumberIn(program.ReadLine())));
    EXPECT_EQ(TotalsOf(in_child, "heap", "FirstAllocates"), (SiteTotals{1600, 25600, 1600, 25600}));
    ExpectNothingLost(in_child);
    program.Continue();
  }
  EXPECT_EQ(program.Finish(), 0);
}

TEST(VforkedChild, LeavesItsParentsSegmentWhateverItDoes) {
  TracedProgram program({kForks, "others"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "parent");
  ASSERT_EQ(program.Segments().size(), 1u);
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ParentAllocates"), (SiteTotals{10, 1000, 10, 1000}));
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

constexpr char kVforks[] = LIMPET_PROGRAMS "/vforks";

// Its memory is its parent's, and so are its blocks, but a segment must not have its name.
TEST(VforkedChild, StartsNoSegmentForItsParent) {
  TracedProgram program({kVforks, "first"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "child");
  EXPECT_TRUE(program.Segments().empty());
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "parent");
  ASSERT_EQ(program.Segments().size(), 1u);
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ParentAllocates"), (SiteTotals{10, 1000, 10, 1000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "VforkChildAllocates"), SiteTotals{});
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(VforkedChild, IsNotTakenForTheThreadThatItsParentRuns) {
  TracedProgram program({kVforks, "thread"}, {kExact});
  const auto thread = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  SegmentSnapshot snapshot = program.Read();
  program.Continue();
  const auto child = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ParentAllocates"), (SiteTotals{10, 1000, 10, 1000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "VforkChildAllocates").objects_in_use, 0);
  for (const ThreadRecord& entered : snapshot.threads) EXPECT_NE(entered.thread_id, child);
  int of_thread = 0;
  for (const AllocationRecord& block : snapshot.allocations) {
    EXPECT_NE(block.thread_id, child);
    of_thread += block.thread_id == thread ? 1 : 0;
  }
  EXPECT_EQ(of_thread, 10);
  EXPECT_EQ(program.Segments().size(), 1u);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

// It may become another user, who could write there.
TEST(ForkedChild, ThatIsNotTracedLosesItsParentsSegment) {
  const std::string kMaps =
      "while read -r line; do case $line in *.segment) echo segment;; esac; done </proc/self/maps;";
  TracedProgram program({"/bin/sh", "-c", "(set -- a b c;" + kMaps + "echo none); " + kMaps},
                        {kExact, "LIMPET_FOLLOW=exec"});
  EXPECT_EQ(program.ReadLine(), "none");
  EXPECT_EQ(program.ReadLine(), "segment");
  EXPECT_EQ(program.Finish(), 0);
}

TEST(ForkStorm, OfEightThreadsWhileEightAllocateEndsAtZero) {
  TracedProgram program({kForks, "storm", Repeats(300, 10'000)}, {kExact});
  auto blocks = static_cast<std::int64_t>(NumberIn(program.ReadLine()));
  SegmentSnapshot snapshot = program.Read();
  SiteTotals totals = TotalsOf(snapshot, "heap", "StormAllocates");
  EXPECT_GT(blocks, 1000);
  EXPECT_EQ(totals.allocated_objects, blocks);
  EXPECT_EQ(totals.objects_in_use, 0);
  EXPECT_EQ(totals.bytes_in_use, 0);
  EXPECT_EQ(TotalsOf(snapshot, "heap", "StormChild"), SiteTotals{});
  ExpectNothingLost(snapshot);
  EXPECT_EQ(program.Segments().size(), 1u) << "children that ended leave no segment";
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
