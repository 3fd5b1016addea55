// A fiber that is suspended in the middle of a wait may never go on, or go on in another thread:
// what its stack holds is then nobody's wait, and the stack may be gone.

#include <unistd.h>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kFiberWaits[] = LIMPET_PROGRAMS "/fiber_waits";

class FiberWait : public testing::TestWithParam<const char*> {};

TEST_P(FiberWait, ThatIsGoneIsNeverLookedAt) {
  TracedProgram program({kFiberWaits, GetParam()}, {});
  program.WaitUntilReady();
  usleep(50'000);  // it may still write that it is
  const SegmentSnapshot snapshot = program.Read();
  const ThreadRecord main = ThreadNamed(snapshot, "fiber_waits");
  EXPECT_TRUE(IsParked(main));
  EXPECT_EQ(main.reason, WaitReason::kRead) << "that for the test, and no stream's";
  if (std::string(GetParam()) == "goes_on_elsewhere") {
    const ThreadRecord finisher = ThreadNamed(snapshot, "finisher");
    EXPECT_TRUE(IsParked(finisher));
    EXPECT_EQ(finisher.reason, WaitReason::kPause);
  }
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, FiberWait,
                         testing::Values("wait_after_stream", "jump_after_stream",
                                         "wait_after_once", "once_elsewhere", "stream_elsewhere",
                                         "goes_on_elsewhere"),
                         [](const auto& way) { return std::string(way.param); });

}  // namespace
}  // namespace limpet
