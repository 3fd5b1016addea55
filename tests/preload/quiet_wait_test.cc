// What does not wait is not recorded, and nothing that a call gives is changed.

#include <utility>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kQuietWaits[] = LIMPET_PROGRAMS "/quiet_waits";

void ExpectEnd(TracedProgram& program) {
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(QuietWaits, OfOneThreadMakeNoSegment) {
  TracedProgram program({kQuietWaits, "alone"}, {});
  program.WaitUntilReady();
  EXPECT_TRUE(program.Segments().empty());
  ExpectEnd(program);
}

TEST(QuietWaits, ThatAreNotContendedAreNone) {
  TracedProgram program({kQuietWaits, "uncontended"}, {});
  program.WaitUntilReady();
  EXPECT_LT(ThreadNamed(program.Read(), "quiet_waits").park_count, 10u);
  ExpectEnd(program);
}

TEST(QuietWaits, GiveWhatTheyGaveWithoutUs) {
  TracedProgram program({kQuietWaits, "results"}, {});
  program.WaitUntilReady();
  ExpectNothingLost(program.Read());
  ExpectEnd(program);
}

// tinycthread and its like: results and types are not libc's.
TEST(QuietWaits, LeaveALibrarysOwnC11ThreadsToIt) {
  TracedProgram program({LIMPET_PROGRAMS "/own_c11"}, {});
  program.WaitUntilReady();
  ExpectEnd(program);
}

TEST(QuietWaits, LeaveTheCallersFrameAsItIs) {
  TracedProgram program({kQuietWaits, "frames"}, {});
  program.WaitUntilReady();
  ExpectEnd(program);
}

TEST(QuietWaits, AnswerBadPointersAsWithoutUs) {
  TracedProgram program({kQuietWaits, "bad_pointers"}, {});
  program.WaitUntilReady();
  ExpectNothingLost(program.Read());
  ExpectEnd(program);
}

// A handler may wait on a stack that hardly holds more than the signal's frame.
TEST(QuietWaits, TakeLittleOfASignalStack) {
  TracedProgram program({LIMPET_PROGRAMS "/signal_stacks"}, {"LD_BIND_NOW=1"});
  for (const auto& [stack, most] : {std::pair("large ", 2300u), std::pair("small ", 700u)}) {
    const std::string line = program.ReadLine();
    ASSERT_EQ(line.rfind(stack, 0), 0u) << line;
    EXPECT_LT(NumberIn(line), most) << line;
  }
  program.WaitUntilReady();
  ExpectEnd(program);
}

// With all the memory that a stack of each takes; every one is listed, whole.
TEST(ManyWaits, AreAllListed) {
  const std::string count = Repeats(1000, 10'000);
  const std::size_t threads = std::stoul(count);
  TracedProgram program({kQuietWaits, "many", count}, {});
  program.WaitUntilReady();
  usleep(200'000);
  const SegmentSnapshot snapshot = program.Read();
  std::size_t waiting = 0;
  for (const ThreadRecord& thread : snapshot.threads) {
    if (thread.reason != WaitReason::kCondition || !IsParked(thread)) continue;
    ++waiting;
    const std::vector<SourceFrame> frames = FramesOf(snapshot, thread.stack);
    ASSERT_GE(frames.size(), 3u) << thread.number;
    EXPECT_EQ(frames.front().name, "(anonymous namespace)::WaitWithAll(void*)");
    EXPECT_FALSE(snapshot.stacks.at(thread.stack).is_truncated);
  }
  EXPECT_EQ(waiting, threads);
  ExpectNothingLost(snapshot);
  ExpectEnd(program);
}

}  // namespace
}  // namespace limpet
