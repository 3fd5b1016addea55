// In exact mode every call site's four values equal the truth.

#include <gtest/gtest.h>

#include "tests/support/site_totals.h"
#include "tests/support/traced_program.h"

namespace limpet {
namespace {

class ExactNumbers : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    TracedProgram program({LIMPET_PROGRAMS "/exact_sites"},
                          {"LIMPET_SAMPLE_BYTES=1", "LIMPET_MMAP=1"});
    program.WaitUntilReady();
    snapshot_ = new SegmentSnapshot(program.Read());
    program.Continue();
    EXPECT_EQ(program.Finish(), 0);
    EXPECT_TRUE(program.Segments().empty()) << "a clean exit leaves no segment";
  }
  static void TearDownTestSuite() { delete snapshot_; }

  static SiteTotals Heap(const char* function) { return TotalsOf(*snapshot_, "heap", function); }

  static inline SegmentSnapshot* snapshot_ = nullptr;
};

using Totals = SiteTotals;

TEST_F(ExactNumbers, Malloc) { EXPECT_EQ(Heap("SiteMalloc()"), (Totals{3, 300, 2, 200})); }
TEST_F(ExactNumbers, MallocOfNothing) { EXPECT_EQ(Heap("SiteMallocZero"), (Totals{5, 0, 5, 0})); }
TEST_F(ExactNumbers, Calloc) { EXPECT_EQ(Heap("SiteCalloc()"), (Totals{4, 280, 4, 280})); }
TEST_F(ExactNumbers, CallocThatOverflows) { EXPECT_EQ(Heap("SiteCallocOverflow"), Totals{}); }
TEST_F(ExactNumbers, ReallocThatGrows) {
  EXPECT_EQ(Heap("SiteReallocGrow"), (Totals{4, 10000, 1, 4000}));
}
TEST_F(ExactNumbers, ReallocThatShrinks) {
  EXPECT_EQ(Heap("SiteReallocShrink"), (Totals{2, 5050, 1, 50}));
}
TEST_F(ExactNumbers, ReallocThatFailsKeepsTheBlock) {
  EXPECT_EQ(Heap("SiteReallocFail"), (Totals{1, 300, 1, 300}));
}
TEST_F(ExactNumbers, ReallocToNothingFrees) {
  EXPECT_EQ(Heap("SiteReallocFree"), (Totals{1, 400, 0, 0}));
}
TEST_F(ExactNumbers, ReallocarrayCountsOnce) {
  EXPECT_EQ(Heap("SiteReallocarray"), (Totals{2, 384, 1, 256}));
}
TEST_F(ExactNumbers, PosixMemalign) {
  EXPECT_EQ(Heap("SitePosixMemalign"), (Totals{1, 640, 1, 640}));
}
TEST_F(ExactNumbers, AlignedAlloc) {
  EXPECT_EQ(Heap("SiteAlignedAlloc"), (Totals{1, 1280, 1, 1280}));
}
TEST_F(ExactNumbers, Memalign) { EXPECT_EQ(Heap("SiteMemalign"), (Totals{1, 2560, 1, 2560})); }
TEST_F(ExactNumbers, Valloc) { EXPECT_EQ(Heap("SiteValloc"), (Totals{1, 111, 1, 111})); }
TEST_F(ExactNumbers, Pvalloc) { EXPECT_EQ(Heap("SitePvalloc"), (Totals{1, 222, 1, 222})); }
TEST_F(ExactNumbers, NewCountsOnce) { EXPECT_EQ(Heap("SiteNew()"), (Totals{2, 78, 1, 77})); }
TEST_F(ExactNumbers, AlignedAndNothrowNew) {
  EXPECT_EQ(Heap("SiteNewAligned"), (Totals{2, 353, 2, 353}));
}
TEST_F(ExactNumbers, StrdupIsSeenThroughMalloc) {
  EXPECT_EQ(Heap("SiteStrdup"), (Totals{1, 20, 1, 20}));
}
TEST_F(ExactNumbers, TextOfAsprintfCountsOnce) {
  EXPECT_EQ(Heap("SiteAsprintf").objects_in_use, 1);
  EXPECT_EQ(Heap("SiteAsprintf").bytes_in_use, 301);
}
TEST_F(ExactNumbers, WhatLibcMapsForABlockCountsOnce) {
  constexpr std::int64_t kMiB = 1 << 20;
  EXPECT_EQ(Heap("SiteMallocMapped"), (Totals{3, 140 * kMiB, 1, 60 * kMiB}));
  EXPECT_EQ(TotalsOf(*snapshot_, "mmap", "SiteMallocMapped"), Totals{});
}
TEST_F(ExactNumbers, AllocationsThatFailDoNotCount) {
  EXPECT_EQ(Heap("SiteMallocTooLarge"), Totals{});
}
TEST_F(ExactNumbers, NothingIsLost) {
  for (const auto& [name, value] : snapshot_->counters) {
    bool is_loss = name.find("dropped") != std::string::npos;
    EXPECT_TRUE(!is_loss || value == 0) << name << ' ' << value;
  }
  EXPECT_EQ(snapshot_->torn_slots, 0u);
  EXPECT_EQ(snapshot_->invalid_slots, 0u);
}

}  // namespace
}  // namespace limpet
