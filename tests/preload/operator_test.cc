// operator new and delete of a C++ program: a hook that would only pass on is not even called.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kBoundNow[] = LIMPET_PROGRAMS "/bound_now";

void ExpectCounted(const TracedProgram& program) {
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNew"), (SiteTotals{6, 240, 2, 80}));
  ExpectNothingLost(snapshot);
}

TEST(Operators, AreTheLibrarysOwnWhereTheyCallMalloc) {
  TracedProgram program({kBoundNow}, {kExact});
  EXPECT_NE(program.ReadLine().find("libstdc++.so"), std::string::npos);
  EXPECT_NE(program.ReadLine().find("libstdc++.so"), std::string::npos);
  EXPECT_EQ(program.ReadLine(), "ready");
  ExpectCounted(program);
}

void ExpectHookedBefore(const std::string& allocator) {
  TracedProgram program(
      {"/usr/bin/env", "LD_PRELOAD=" LIMPET_TEST_LIBRARY ":" + allocator, kBoundNow}, {kExact});
  EXPECT_NE(program.ReadLine().find("liblimpet.so"), std::string::npos);
  EXPECT_NE(program.ReadLine().find("liblimpet.so"), std::string::npos);
  EXPECT_EQ(program.ReadLine(), "ready");
  ExpectCounted(program);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Operators, AreHookedWhereTheAllocatorHasItsOwn) { ExpectHookedBefore("libjemalloc.so.2"); }

// It aborts where a block of new goes back by free.
TEST(Operators, OfAnAllocatorThatChecksGoBackByTheirDelete) {
  ExpectHookedBefore("libtcmalloc_minimal_debug.so.4");
}

}  // namespace
}  // namespace limpet
