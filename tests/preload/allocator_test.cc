// Numbers are exact for whatever allocator is behind the hooks.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kJemalloc[] = "libjemalloc.so.2";

void ExpectExactTotals(const SegmentSnapshot& snapshot) {
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByMalloc"), (SiteTotals{200, 20'000, 100, 10'000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByRealloc"), (SiteTotals{10, 5500, 1, 1000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByCalloc"), (SiteTotals{1, 490, 1, 490}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNew"), (SiteTotals{200, 12'000, 100, 6000}));
  // The object and its text.
  EXPECT_EQ(TotalsOf(snapshot, "heap", "BySizedDelete"),
            (SiteTotals{400, 200 * (sizeof(std::string) + 51), 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByAlignedNew"), (SiteTotals{10, 6400, 5, 3200}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNothrowNew"), (SiteTotals{1, 33, 1, 33}));
  ExpectNothingLost(snapshot);
}

SegmentSnapshot RunAndRead(const std::vector<std::string>& command) {
  TracedProgram program(command, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  return snapshot;
}

std::vector<std::string> Preloading(const std::string& libraries, const std::string& program) {
  return {"/usr/bin/env", "LD_PRELOAD=" + libraries, LIMPET_PROGRAMS "/" + program};
}

std::string OursBefore(const std::string& library) {
  return std::string(LIMPET_TEST_LIBRARY) + ":" + library;
}

TEST(Allocator, OfLibcIsExact) { ExpectExactTotals(RunAndRead({LIMPET_PROGRAMS "/allocators"})); }

TEST(Allocator, ThatIsLinkedToACppProgramIsExact) {
  ExpectExactTotals(RunAndRead({LIMPET_PROGRAMS "/allocators_jemalloc"}));
}

TEST(Allocator, ThatIsLinkedToACProgramIsExact) {
  SegmentSnapshot snapshot = RunAndRead({LIMPET_PROGRAMS "/plain_c_jemalloc"});
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByMalloc"), (SiteTotals{200, 20'000, 100, 10'000}));
  ExpectNothingLost(snapshot);
}

TEST(Allocator, ThatIsPreloadedBehindUsIsExact) {
  ExpectExactTotals(RunAndRead(Preloading(OursBefore(kJemalloc), "allocators")));
}

// Ours behind another: the program's calls never come to us, and it runs.
TEST(Allocator, ThatIsPreloadedBeforeUsLeavesNothingToSee) {
  TracedProgram program(
      Preloading(std::string(kJemalloc) + ":" + LIMPET_TEST_LIBRARY, "allocators"), {});
  EXPECT_EQ(program.ReadLine(), "ready");
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Allocator, MayBeTheProgramsOwnOperatorNew) {
  SegmentSnapshot snapshot = RunAndRead({LIMPET_PROGRAMS "/own_new"});
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByOwnNew"), (SiteTotals{20, 400, 5, 100}));
  ExpectNothingLost(snapshot);
}

TEST(Allocator, InTheExecutableLeavesNothingToSee) {
  TracedProgram program({LIMPET_PROGRAMS "/own_malloc"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  EXPECT_TRUE(program.Segments().empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
