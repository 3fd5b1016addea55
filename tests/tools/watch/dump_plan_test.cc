#include "tools/watch/dump_plan.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMiB = 1 << 20;

Observation At(std::uint64_t seconds) { return {.now_ns = seconds * kSecond}; }

Observation InUse(std::uint64_t seconds, std::uint64_t bytes) {
  return {.now_ns = seconds * kSecond, .in_use = bytes};
}

Observation Memory(std::uint64_t seconds, std::uint64_t used, std::uint64_t limit) {
  return {.now_ns = seconds * kSecond, .memory = MemoryLimit{used, limit}};
}

TEST(DumpPlan, KeepsQuietWhenNothingIsAsked) {
  DumpPlan plan({}, 0, 0);
  EXPECT_FALSE(plan.NeedsInUse());
  EXPECT_FALSE(plan.NeedsMemoryLimit());
  EXPECT_EQ(plan.Next(At(1'000'000)), DumpReason::kNone);
}

TEST(DumpPlan, AnswersRequestsOnce) {
  DumpPlan plan({}, 0, 3);
  EXPECT_EQ(plan.Next({.now_ns = 1, .dump_requests = 3}), DumpReason::kNone);
  EXPECT_EQ(plan.Next({.now_ns = 2, .dump_requests = 5}), DumpReason::kSignal);
  EXPECT_EQ(plan.Next({.now_ns = 3, .dump_requests = 5}), DumpReason::kNone);
}

TEST(DumpPlan, DoesNotRepeatWhatOthersAnswered) {
  DumpPlan plan({}, 0, 3);
  EXPECT_EQ(plan.Next({.now_ns = 1, .dump_requests = 5, .answered_requests = 5}),
            DumpReason::kNone);
  EXPECT_EQ(plan.Next({.now_ns = 2, .dump_requests = 6, .answered_requests = 5}),
            DumpReason::kSignal);
  EXPECT_EQ(plan.Next({.now_ns = 3, .dump_requests = 6, .answered_requests = 5}), DumpReason::kNone)
      << "it is being written";
}

TEST(DumpPlan, DumpsAtEachInterval) {
  DumpPlan plan({.dump_interval_ns = 30 * kSecond}, 10 * kSecond, 0);
  EXPECT_EQ(plan.Next(At(39)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(At(40)), DumpReason::kInterval);
  EXPECT_EQ(plan.Next(At(41)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(At(70)), DumpReason::kInterval);
}

TEST(DumpPlan, MakesUpForNoMissedInterval) {
  DumpPlan plan({.dump_interval_ns = 30 * kSecond}, 0, 0);
  EXPECT_EQ(plan.Next(At(3000)), DumpReason::kInterval);
  EXPECT_EQ(plan.Next(At(3001)), DumpReason::kNone);
}

TEST(DumpPlan, AnyDumpBeginsTheIntervalAnew) {
  DumpPlan plan({.dump_interval_ns = 30 * kSecond}, 0, 0);
  EXPECT_EQ(plan.Next({.now_ns = 20 * kSecond, .dump_requests = 1}), DumpReason::kSignal);
  EXPECT_EQ(plan.Next({.now_ns = 30 * kSecond, .dump_requests = 1}), DumpReason::kNone);
}

TEST(DumpPlan, SeesGrowthFromTheLowestSinceTheLastDump) {
  DumpPlan plan({.dump_growth_bytes = 100 * kMiB}, 0, 0);
  EXPECT_TRUE(plan.NeedsInUse());
  EXPECT_EQ(plan.Next(InUse(2, 99 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(3, 100 * kMiB)), DumpReason::kGrowth);
  EXPECT_EQ(plan.Next(InUse(5, 199 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(6, 20 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(7, 120 * kMiB)), DumpReason::kGrowth);
}

TEST(DumpPlan, DoesNotReactTwiceInASecond) {
  DumpPlan plan({.dump_growth_bytes = kMiB}, 0, 0);
  EXPECT_EQ(plan.Next(InUse(10, 10 * kMiB)), DumpReason::kGrowth);
  Observation soon = InUse(10, 100 * kMiB);
  soon.now_ns += kSecond / 2;
  EXPECT_EQ(plan.Next(soon), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(11, 100 * kMiB)), DumpReason::kGrowth);
}

TEST(DumpPlan, SeesEachNewHeight) {
  DumpPlan plan({.dump_highwater_percent = 10}, 0, 0);
  EXPECT_EQ(plan.Next(InUse(2, kMiB / 2)), DumpReason::kNone) << "too little to look for a leak";
  EXPECT_EQ(plan.Next(InUse(4, 100 * kMiB)), DumpReason::kHighwater);
  EXPECT_EQ(plan.Next(InUse(6, 109 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(8, 50 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(InUse(10, 110 * kMiB)), DumpReason::kHighwater);
  EXPECT_EQ(plan.Next(InUse(12, 110 * kMiB)), DumpReason::kNone);
}

TEST(DumpPlan, DumpsOnceAtTheLimitUntilItWasLeft) {
  DumpPlan plan({.dump_cgroup_percent = 90}, 0, 0);
  EXPECT_TRUE(plan.NeedsMemoryLimit());
  EXPECT_EQ(plan.Next(Memory(1, 899 * kMiB, 1000 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(Memory(2, 901 * kMiB, 1000 * kMiB)), DumpReason::kCgroup);
  EXPECT_EQ(plan.Next(Memory(3, 950 * kMiB, 1000 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(Memory(4, 500 * kMiB, 1000 * kMiB)), DumpReason::kNone);
  EXPECT_EQ(plan.Next(Memory(5, 950 * kMiB, 1000 * kMiB)), DumpReason::kCgroup);
}

TEST(DumpPlan, TakesTheLimitForMoreUrgentThanARequest) {
  DumpPlan plan({.dump_cgroup_percent = 90}, 0, 0);
  Observation seen = Memory(1, 99, 100);
  seen.memory = MemoryLimit{990 * kMiB, 1000 * kMiB};
  seen.dump_requests = 1;
  EXPECT_EQ(plan.Next(seen), DumpReason::kCgroup);
}

}  // namespace
}  // namespace limpet
