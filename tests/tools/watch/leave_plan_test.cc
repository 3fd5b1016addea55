#include "tools/watch/leave_plan.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

TEST(LeavePlan, LingersForTheNextProgramOfAScript) {
  LeavePlan plan(10 * kSecondNs);
  EXPECT_FALSE(plan.MayLeave(11 * kSecondNs - 1));
  EXPECT_TRUE(plan.MayLeave(11 * kSecondNs));
  plan.NoteBusy(12 * kSecondNs);
  EXPECT_FALSE(plan.MayLeave(12 * kSecondNs));
  EXPECT_FALSE(plan.MustLeave(100 * kSecondNs)) << "nobody asked it to";
}

TEST(LeavePlan, GoesAtOnceWhenItIsAskedToAndIdle) {
  LeavePlan plan(10 * kSecondNs);
  plan.NoteAsked(10 * kSecondNs);
  EXPECT_TRUE(plan.MayLeave(10 * kSecondNs));
  EXPECT_FALSE(plan.MustLeave(19 * kSecondNs)) << "what ends with it may still have a last profile";
  plan.NoteAsked(15 * kSecondNs);
  EXPECT_TRUE(plan.MustLeave(20 * kSecondNs)) << "whoever asks again does not win it time";
}

}  // namespace
}  // namespace limpet
