// Anonymous mappings are a profile of their own, exact to the page, when asked for.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kMappings[] = LIMPET_PROGRAMS "/mappings";
constexpr std::int64_t kPage = 4096;

// The program did its work, which is the same for all tests.
class Mapped : public testing::Test {
 protected:
  void SetUp() override {
    left_ = static_cast<std::int64_t>(NumberIn(program_.ReadLine()));
    snapshot_ = program_.Read();
  }
  void TearDown() override {
    ExpectNothingLost(snapshot_);
    program_.Continue();
    EXPECT_EQ(program_.Finish(), 0);
  }
  SiteTotals At(const char* site) const { return TotalsOf(snapshot_, "mmap", site); }
  std::int64_t left() const { return left_; }
  const SegmentSnapshot& snapshot() const { return snapshot_; }

 private:
  TracedProgram program_{{kMappings}, {kExact, "LIMPET_MMAP=1"}};
  SegmentSnapshot snapshot_;
  std::int64_t left_ = 0;
};

SiteTotals Pages(std::int64_t allocated_objects, std::int64_t allocated_pages,
                 std::int64_t objects_in_use, std::int64_t pages_in_use) {
  return {allocated_objects, allocated_pages * kPage, objects_in_use, pages_in_use * kPage};
}

TEST_F(Mapped, IsExactToThePage) {
  EXPECT_EQ(At("MapsWhole"), Pages(1, 10, 0, 0));
  EXPECT_EQ(At("MapsOddBytes"), Pages(1, 2, 1, 2));
  EXPECT_EQ(At("MapsNothing"), SiteTotals{});
}

// As in /proc/PID/maps, what is left on both sides is two mappings.
TEST_F(Mapped, IsShortenedAndSplitByUnmappingAndReplacing) {
  EXPECT_EQ(At("MapsAndCutsFront"), Pages(1, 10, 1, 7));
  EXPECT_EQ(At("MapsAndCutsEnd"), Pages(1, 10, 1, 6));
  EXPECT_EQ(At("MapsAndCutsHole"), Pages(1, 10, 2, 8));
  EXPECT_EQ(At("MapsOverPart"), Pages(2, 12, 3, 10));
  EXPECT_EQ(At("MapsFileOverPart"), Pages(1, 10, 2, 8));
}

// What is mapped there now proves that the old is gone, whatever took it away.
TEST_F(Mapped, IsForgottenWhereAFileIsFoundInItsPlace) {
  EXPECT_EQ(At("MapsFileWhereUnmappedUnseen"), Pages(1, 10, 2, 8));
  EXPECT_EQ(At("GrowsFileWhereUnmappedUnseen"), Pages(1, 10, 1, 4));
}

// Like realloc: what grew or moved is what mremap was asked for.
TEST_F(Mapped, IsMappedAnewWhenItGrows) {
  EXPECT_EQ(At("MapsAndGrowsAnywhere"), Pages(2, 13, 1, 9));
  EXPECT_EQ(At("MapsAndGrowsInPlace"), Pages(2, 34, 1, 14));
  EXPECT_EQ(At("MapsAndGrowsPart"), Pages(2, 28, 2, 14));
}

TEST_F(Mapped, IsOnlyCutWhenItShrinks) {
  EXPECT_EQ(At("MapsAndShrinksWhole"), Pages(1, 8, 1, 5));
  EXPECT_EQ(At("MapsAndShrinksPart"), Pages(1, 10, 2, 7));
  EXPECT_EQ(At("MapsAndKeepsSize"), Pages(1, 8, 1, 8));
}

TEST_F(Mapped, IsReplacedByWhatIsMovedOverIt) {
  EXPECT_EQ(At("MovesPart"), Pages(3, 18, 3, 10));
  EXPECT_EQ(At("MovesWholeOverKnown"), Pages(3, 18, 3, 10));
  EXPECT_EQ(At("MovesShorterOverKnown"), Pages(3, 18, 3, 10));
  EXPECT_EQ(At("MovesFileOverKnown"), Pages(1, 10, 2, 6));
}

TEST_F(Mapped, StaysWhereMremapLeavesIt) {
  EXPECT_EQ(At("MovesAndKeepsOld"), Pages(2, 8, 2, 8));
  EXPECT_EQ(At("MovesOverKnownAndKeepsOld"), Pages(3, 18, 4, 14));
  EXPECT_EQ(At("DuplicatesWhole"), Pages(2, 8, 2, 8));
  EXPECT_EQ(At("DuplicatesOverKnown"), Pages(3, 16, 4, 14));
}

TEST_F(Mapped, IsForgottenWhereThreadsTakeTurns) {
  EXPECT_EQ(At("ChurnsInThread"), Pages(24'000, 156'000, 0, 0));
}

TEST_F(Mapped, StaysWhenTheCallFails) {
  EXPECT_EQ(At("FailsToUnmap"), Pages(1, 10, 1, 10));
  EXPECT_EQ(At("FailsToMapOver"), Pages(1, 10, 1, 10));
  EXPECT_EQ(At("FailsToMove"), Pages(1, 10, 1, 10));
}

TEST_F(Mapped, IsForgottenWhereAFailingCallUnmappedIt) {
  EXPECT_EQ(At("FailsToMapHugeOver").bytes_in_use, left());
}

// Readers drop frames of ours, but each one costs the target.
TEST_F(Mapped, IsTakenFromItsCallerOn) {
  for (const SiteRecord& site : snapshot().sites) {
    if (!site.is_mapping) continue;
    const FrameRecord& leaf = snapshot().stacks.at(site.stack).frames.front();
    EXPECT_EQ(snapshot().modules[leaf.module].path.find("liblimpet.so"), std::string::npos);
  }
}

TEST(Mappings, AreLeftAloneUnlessAskedFor) {
  TracedProgram program({kMappings}, {kExact});
  ASSERT_TRUE(program.ReadLine().starts_with("left "));
  SegmentSnapshot snapshot = program.Read();
  EXPECT_TRUE(snapshot.mappings.empty());
  for (const SiteRecord& site : snapshot.sites) EXPECT_FALSE(site.is_mapping);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
