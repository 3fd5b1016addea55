// An address that is free may be another thread's before the call that freed it returns.

#include <stdio.h>

#include "tests/preload/programs/handover.h"
#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kHandovers[] = LIMPET_PROGRAMS "/handovers";

TEST(Reuse, OfABlockWhileItIsBeingFreedOrResizedIsSeen) {
  constexpr std::int64_t kBlocks = kHandedBlocks, kBytes = kHandedBytes * kBlocks;
  TracedProgram program({kHandovers, "handed"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "done");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Give"), (SiteTotals{kBlocks, kBytes, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "TakeAll"), (SiteTotals{kBlocks, kBytes, kBlocks, kBytes}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Resize"),
            (SiteTotals{kBlocks / 2, 50 * kBlocks, kBlocks / 2, 50 * kBlocks}));
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// Without its caches libc hands a block from one thread to the other at once.
TEST(Reuse, ByTwoThreadsInTurnLeavesJustWhatTheyKeep) {
  TracedProgram program({kHandovers, "ping_pong"},
                        {kExact, "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"});
  std::int64_t kept = 0;
  std::uint64_t sum = 0;
  const std::string line = program.ReadLine();
  ASSERT_EQ(sscanf(line.c_str(), "kept %ld at %lu", &kept, &sum), 2) << line;
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "::PingPong("),
            (SiteTotals{400'000, 800'000'000, kept, 2000 * kept}));
  for (const AllocationRecord& block : snapshot.allocations) {
    if (block.requested_bytes == 2000) sum -= block.address;
  }
  EXPECT_EQ(sum, 0u) << "in use is what was kept, block by block";
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
