// Anonymous mappings are a profile of their own, exact to the page, when asked for.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kMappings[] = LIMPET_PROGRAMS "/mappings";
constexpr std::int64_t kPage = 4096;

TEST(Mappings, AreExactToThePage) {
  TracedProgram program({kMappings}, {kExact, "LIMPET_MMAP=1"});
  ASSERT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  auto mapped = [&](const char* site) { return TotalsOf(snapshot, "mmap", site); };
  EXPECT_EQ(mapped("MapsWhole"), (SiteTotals{1, 10 * kPage, 0, 0}));
  EXPECT_EQ(mapped("MapsAndCutsFront"), (SiteTotals{1, 10 * kPage, 1, 7 * kPage}));
  EXPECT_EQ(mapped("MapsAndCutsEnd"), (SiteTotals{1, 10 * kPage, 1, 6 * kPage}));
  EXPECT_EQ(mapped("MapsAndCutsHole"), (SiteTotals{1, 10 * kPage, 2, 8 * kPage}));
  EXPECT_EQ(mapped("MapsOverPart"), (SiteTotals{2, 12 * kPage, 3, 10 * kPage}));
  EXPECT_EQ(mapped("MapsAndGrows"), (SiteTotals{2, 13 * kPage, 1, 9 * kPage}));
  EXPECT_EQ(mapped("MapsAndShrinks"), (SiteTotals{2, 13 * kPage, 1, 5 * kPage}));
  EXPECT_EQ(mapped("MapsOddBytes"), (SiteTotals{1, 2 * kPage, 1, 2 * kPage}));
  EXPECT_EQ(mapped("MapsNothing"), SiteTotals{});
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Mappings, AreLeftAloneUnlessAskedFor) {
  TracedProgram program({kMappings}, {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_TRUE(snapshot.mappings.empty());
  for (const SiteRecord& site : snapshot.sites) EXPECT_FALSE(site.is_mapping);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
