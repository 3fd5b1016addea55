// No thread waits for another: one that is stopped in the middle of our work holds up nobody.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kHeldThreads[] = LIMPET_PROGRAMS "/held_threads";

void ExpectNobodyWaits(const std::string& mode, const std::string& times,
                       const std::string& interval) {
  TracedProgram program({kHeldThreads, mode, times}, {interval});
  ASSERT_EQ(program.ReadLine(), "inside " + times) << "it is our code that is meant";
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(HeldThread, InTheMiddleOfASampleHoldsUpNobody) {
  ExpectNobodyWaits("anywhere", Repeats(50, 2000), kExact);
}

// Blocks of 4 MiB are samples, the few bytes of a thread's start are none.
TEST(HeldThread, ThatMakesTheSegmentHoldsUpNobody) {
  ExpectNobodyWaits("starting", Repeats(20, 500), "LIMPET_SAMPLE_BYTES=64KiB");
}

}  // namespace
}  // namespace limpet
