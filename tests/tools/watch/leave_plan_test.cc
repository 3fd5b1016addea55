#include "tools/watch/leave_plan.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(LeavePlan, LingersForTheNextProgramOfAScript) {
  LeavePlan plan(10 * kSecond);
  EXPECT_FALSE(plan.MayLeave(11 * kSecond - 1));
  EXPECT_TRUE(plan.MayLeave(11 * kSecond));
  plan.NoteBusy(12 * kSecond);
  EXPECT_FALSE(plan.MayLeave(12 * kSecond));
  EXPECT_FALSE(plan.MustLeave(100 * kSecond)) << "nobody asked it to";
}

TEST(LeavePlan, GoesAtOnceWhenItIsAskedToAndIdle) {
  LeavePlan plan(10 * kSecond);
  plan.NoteAsked(10 * kSecond);
  EXPECT_TRUE(plan.MayLeave(10 * kSecond));
  EXPECT_FALSE(plan.MustLeave(19 * kSecond)) << "what ends with it may still have a last profile";
  EXPECT_TRUE(plan.MustLeave(20 * kSecond));
}

}  // namespace
}  // namespace limpet
