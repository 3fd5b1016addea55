// A wait that is left otherwise than by returning is no wait any more; one inside of another shows
// while it lasts.

#include <signal.h>

#include <vector>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kLeftWaits[] = LIMPET_PROGRAMS "/left_waits";
constexpr char kLoneWaits[] = LIMPET_PROGRAMS "/lone_waits";

// The lines until the next "ready".
std::vector<std::string> LinesOf(TracedProgram& program) {
  std::vector<std::string> lines;
  for (std::string line = program.ReadLine(); line != "ready"; line = program.ReadLine()) {
    if (line.empty()) return ADD_FAILURE() << "it ended", lines;
    lines.push_back(line);
  }
  return lines;
}

void ExpectEnd(TracedProgram& program) {
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

class LeftWait : public testing::TestWithParam<const char*> {};

TEST_P(LeftWait, IsNotListedAsOne) {
  TracedProgram program({kLeftWaits, GetParam()}, {});
  EXPECT_FALSE(LinesOf(program).empty());
  const SegmentSnapshot snapshot = program.Read();
  const ThreadRecord thread = ThreadNamed(snapshot, "thread");
  EXPECT_EQ(thread.state, ThreadState::kRunning);
  EXPECT_GE(thread.park_count, 1u);
  EXPECT_GT(thread.parked_ns, 100'000'000u);
  ExpectNothingLost(snapshot);
  ExpectEnd(program);
}

INSTANTIATE_TEST_SUITE_P(Ways, LeftWait,
                         testing::Values("cancel_read", "cancel_poll", "cancel_sem", "cancel_cond",
                                         "cancel_sleep", "cancel_async", "cancel_async_sleep",
                                         "jump_read", "jump_sem", "jump_cond", "throw", "exit"),
                         [](const auto& way) { return std::string(way.param); });

constexpr int kLooks = 1000;

// In a process of one thread a hook asks the kernel itself (kernel_call.h). The wait in which
// it says that it is ready may still be under way.
TEST(LoneWait, IsLeftByWhatIsThrown) {
  TracedProgram program({kLoneWaits, "throw"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  ThreadRecord thread;
  for (int look = 0; look < kLooks && thread.state != ThreadState::kRunning; ++look)
    thread = ThreadNamed(program.Read(), "lone_waits");
  kill(program.pid(), SIGKILL);  // it runs until then
  EXPECT_EQ(thread.state, ThreadState::kRunning);
  EXPECT_GT(thread.parked_ns, 100'000'000u);
}

TEST(LoneWait, IsACancellationPointWhereItsThreadToldItself) {
  TracedProgram program({kLoneWaits, "cancel"}, {});
  EXPECT_EQ(program.ReadLine(), "in read");
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.Finish(), 0);
}

TEST(LoneWait, HasTheResultsAndErrorsOfLibcs) {
  TracedProgram program({kLoneWaits, "results"}, {});
  EXPECT_EQ(program.ReadLine(), "ready");
  ExpectEnd(program);
}

TEST(LoneWait, AsksTheKernelItselfWhileItsThreadIsAlone) {
  TracedProgram program({kLoneWaits, "places"}, {});
  EXPECT_EQ(program.ReadLine(), "liblimpet.so");
  EXPECT_EQ(program.ReadLine(), "libc.so.6");
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.Finish(), 0);
}

class NestedWait : public testing::TestWithParam<const char*> {};

TEST_P(NestedWait, ShowsUntilItEnds) {
  TracedProgram program({kLeftWaits, GetParam()}, {});
  LinesOf(program);
  const ThreadRecord inner = ThreadNamed(program.Read(), "thread");
  EXPECT_TRUE(IsParked(inner));
  EXPECT_EQ(inner.reason, WaitReason::kSleep);
  LinesOf(program);
  const SegmentSnapshot snapshot = program.Read();
  const ThreadRecord outer = ThreadNamed(snapshot, "thread");
  const bool goes_on = std::string(GetParam()) == "restarted";  // poll returns with EINTR
  EXPECT_EQ(IsParked(outer), goes_on);
  EXPECT_EQ(outer.state, goes_on ? ThreadState::kParked : ThreadState::kExited);
  if (goes_on) {
    EXPECT_EQ(outer.reason, WaitReason::kRead);
    EXPECT_LT(outer.since_ns, inner.since_ns);
    EXPECT_EQ(LeafOf(snapshot, outer.stack).name, "(anonymous namespace)::WaitForBytes()");
    EXPECT_EQ(outer.park_count, 3u) << "the handler's, and a line of both";
  } else {
    EXPECT_EQ(outer.park_count, 4u) << "both, and a line of each";
    EXPECT_LT(outer.parked_ns, 1'200'000'000u) << "the handler's wait is counted once";
  }
  ExpectNothingLost(snapshot);
  ExpectEnd(program);
}

INSTANTIATE_TEST_SUITE_P(Ways, NestedWait, testing::Values("nested", "restarted"),
                         [](const auto& way) { return std::string(way.param); });

TEST(NestedWaits, ThatAreLeftShowTheOuterOneAgain) {
  TracedProgram program({kLeftWaits, "jump_nested"}, {});
  LinesOf(program);
  const ThreadRecord thread = ThreadNamed(program.Read(), "thread");
  EXPECT_TRUE(IsParked(thread)) << "its handler runs inside of the poll";
  EXPECT_EQ(thread.reason, WaitReason::kPoll);
  ExpectEnd(program);
}

TEST(ForkedWaits, AreNotTheChilds) {
  TracedProgram program({kLeftWaits, "fork"}, {});
  std::vector<std::string> lines = LinesOf(program);
  std::string line = lines.back();
  if (line.rfind("child", 0) != 0) line = program.ReadLine();
  const auto child = static_cast<std::uint32_t>(NumberIn(line));
  usleep(200'000);
  const SegmentSnapshot snapshot = ReadProcess(program, child);
  ASSERT_FALSE(snapshot.threads.empty());
  for (const ThreadRecord& thread : snapshot.threads) {
    EXPECT_FALSE(IsParked(thread));
    EXPECT_TRUE(thread.thread_id != child || thread.number == 1) << thread.number;
  }
  EXPECT_EQ(ThreadNamed(program.Read(), "thread").state, ThreadState::kRunning);
  ExpectEnd(program);
}

}  // namespace
}  // namespace limpet
