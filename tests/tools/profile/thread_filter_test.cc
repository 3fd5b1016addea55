#include "tools/profile/thread_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sample_threads.h"
#include "tools/profile/thread_summary.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;

TEST(ThreadFilter, CountsWhomItLeavesOut) {
  ThreadDump dump = SampleThreads();
  KeepBlocked(60'000'000'000, dump);
  EXPECT_EQ(dump.threads.size(), 2U);
  EXPECT_THAT(SummaryLines(dump),
              ElementsAre("2 threads: 0 running, 2 waiting", "2 that run or wait shorter left out",
                          "1 whose wait is of unknown length left out"));
  EXPECT_EQ(LeftOutLine(dump), "1 whose wait is of unknown length left out");
}

TEST(ThreadFilter, KeepsAllWhereNothingIsAskedFor) {
  ThreadDump dump = SampleThreads();
  KeepBlocked(0, dump);
  EXPECT_EQ(dump.threads.size(), 5U);
  EXPECT_EQ(LeftOutLine(dump), "");
}

TEST(ThreadSummary, SaysThatAgesOfTheDeadAreLowerBounds) {
  ThreadDump dump = SampleThreads();
  dump.is_alive = false;
  dump.losses = {{"truncated_stacks", "stacks cut", 3}};
  EXPECT_THAT(SummaryLines(dump),
              ElementsAre("5 threads: 1 running, 4 waiting",
                          "1 blocked where no hook is, seen from outside", kLowerBounds,
                          "loss: truncated_stacks 3: stacks cut"));
}

}  // namespace
}  // namespace limpet
