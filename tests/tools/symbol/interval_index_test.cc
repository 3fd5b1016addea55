#include "tools/symbol/interval_index.h"

#include <gtest/gtest.h>

#include <random>
#include <tuple>
#include <vector>

namespace limpet {
namespace {

constexpr std::uint32_t kNone = IntervalIndex::kNone;

TEST(IntervalIndex, IsEmptyWithoutIntervals) {
  EXPECT_EQ(IntervalIndex().Find(0), kNone);
  EXPECT_EQ(IntervalIndex({{5, 6, 1, 0}}).Find(7), kNone);
}

TEST(IntervalIndex, FindsInnermostOfNested) {
  const IntervalIndex index({{10, 50, 1, 0}, {20, 30, 2, 1}, {22, 24, 3, 2}});
  EXPECT_EQ(index.Find(9), kNone);
  EXPECT_EQ(index.Find(10), 1U);
  EXPECT_EQ(index.Find(21), 2U);
  EXPECT_EQ(index.Find(23), 3U);
  EXPECT_EQ(index.Find(24), 2U);
  EXPECT_EQ(index.Find(30), 1U);
  EXPECT_EQ(index.Find(50), kNone);
}

TEST(IntervalIndex, PrefersRankOverLaterStart) {
  const IntervalIndex index({{0, 10, 1, 0}, {10, 20, 1, 0}, {5, 15, 2, 1}});
  EXPECT_EQ(index.Find(12), 2U);
  EXPECT_EQ(index.Find(15), 1U);
}

TEST(IntervalIndex, PrefersTheFirstOfEqualIntervals) {
  EXPECT_EQ(IntervalIndex({{0, 10, 1, 0}, {0, 10, 2, 0}}).Find(5), 1U);
}

TEST(IntervalIndex, SkipsEmptyAndInvertedIntervals) {
  EXPECT_EQ(IntervalIndex({{5, 5, 1, 0}, {9, 3, 2, 0}}).Find(5), kNone);
}

TEST(IntervalIndex, LeavesOutWhatIsTooFarAway) {
  const IntervalIndex index({{1, 2, 1, 0}, {1ULL << 40, (1ULL << 40) + 1, 2, 0}});
  EXPECT_EQ(index.Find(1), 1U);
  EXPECT_EQ(index.Find(1ULL << 40), kNone);
}

TEST(IntervalIndex, AgreesWithLinearSearch) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<IntervalIndex::Interval> intervals;
    for (std::uint32_t value = 0; value < 20; ++value) {
      const std::uint64_t begin = random() % 60;
      intervals.push_back(
          {begin, begin + random() % 20, value, static_cast<std::uint32_t>(random() % 3)});
    }
    const IntervalIndex index(intervals);
    for (std::uint64_t address = 0; address < 90; ++address) {
      const IntervalIndex::Interval* best = nullptr;
      for (const auto& one : intervals) {
        if (address < one.begin || address >= one.end) continue;
        if (best == nullptr || std::tie(one.rank, one.begin) > std::tie(best->rank, best->begin))
          best = &one;
      }
      EXPECT_EQ(index.Find(address), best == nullptr ? kNone : best->value);
    }
  }
}

}  // namespace
}  // namespace limpet
