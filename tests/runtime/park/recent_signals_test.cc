#include "runtime/park/recent_signals.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

constexpr RecentSignals::Signal kSignal = {.object = 0x5000, .tick_ns = 4'000'000, .epoch = 1};
constexpr sys::CallerFrame kCaller = {.return_address = 0x401234, .stack_pointer = 0x7fff0000};

class RecentSignalsTest : public ::testing::Test {
 protected:
  RecentSignalsTest() { EXPECT_TRUE(signals_.IsFirst(kSignal, kCaller)); }

  bool IsFirst(RecentSignals::Signal signal) { return signals_.IsFirst(signal, kCaller); }

  RecentSignals signals_ = {};
};

TEST_F(RecentSignalsTest, AreNotedOnceATick) {
  EXPECT_FALSE(IsFirst(kSignal));
  EXPECT_TRUE(IsFirst({.object = 0x5000, .tick_ns = 8'000'000, .epoch = 1}));
  EXPECT_FALSE(IsFirst({.object = 0x5000, .tick_ns = 8'000'000, .epoch = 1}));
}

TEST_F(RecentSignalsTest, AreOfOneObject) {
  EXPECT_TRUE(IsFirst({.object = 0x5040, .tick_ns = 4'000'000, .epoch = 1}));
}

TEST_F(RecentSignalsTest, AreOfOnePlace) {
  sys::CallerFrame other = kCaller;
  other.return_address += 8;
  EXPECT_TRUE(signals_.IsFirst(kSignal, other));
  other = kCaller;
  other.stack_pointer -= 64;
  EXPECT_TRUE(signals_.IsFirst(kSignal, other));
}

// A forked child's segment knows nothing of what its parent noted.
TEST_F(RecentSignalsTest, AreOfOneSegment) {
  EXPECT_TRUE(IsFirst({.object = 0x5000, .tick_ns = 4'000'000, .epoch = 2}));
}

TEST_F(RecentSignalsTest, OfTwoObjectsInTurnAreBothKept) {
  const RecentSignals::Signal other = {.object = 0x5040, .tick_ns = 4'000'000, .epoch = 1};
  EXPECT_TRUE(IsFirst(other));
  EXPECT_FALSE(IsFirst(kSignal));
  EXPECT_FALSE(IsFirst(other));
}

}  // namespace
}  // namespace limpet
