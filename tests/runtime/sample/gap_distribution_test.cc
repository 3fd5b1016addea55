// Where the marks fall: gaps against the exponential law, and allocations of many threads and sizes
// against P = 1 - e^(-c/T).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <vector>

#include "runtime/sample/byte_sampler.h"
#include "tests/runtime/sample/charging.h"
#include "tests/runtime/sample/statistics.h"

namespace limpet {
namespace {

using test::Charge;
using test::kMaxAndersonDarling;
using test::kMaxZ;
using test::kStrictMaxZ;

std::vector<double> DrawGaps(std::uint64_t seed, std::uint64_t interval_bytes, int count) {
  SamplingControl control = {interval_bytes, seed};
  ByteSampler sampler;
  std::vector<double> gaps;
  for (int i = 0; i < count; ++i) {
    gaps.push_back(static_cast<double>(test::NextGap(sampler, control)));
  }
  return gaps;
}

// Moments of the floored exponential, which is the geometric law with ratio e^(-1/T).
struct GapMoments {
  explicit GapMoments(std::uint64_t interval_bytes)
      : mean(1 / std::expm1(1 / static_cast<double>(interval_bytes))),
        variance(mean * (mean + 1)) {}

  double mean;
  double variance;
};

class Gaps : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr int kCount = 50'000;

  std::uint64_t interval_bytes_ = GetParam();
  double mean_bytes_ = static_cast<double>(interval_bytes_);
  std::vector<double> gaps_ = DrawGaps(1, interval_bytes_, kCount);
};

// Bytes too small beside T to show that gaps are whole.
using LongGaps = Gaps;

// False failures < 6e-7. Floored gaps are put back to the middle of their byte.
TEST_P(LongGaps, AreExponential) {
  std::vector<double> uniform;
  for (const double gap : gaps_) uniform.push_back(-std::expm1(-(gap + 0.5) / mean_bytes_));
  EXPECT_LT(test::AndersonDarling(uniform), kMaxAndersonDarling);
}

TEST_P(Gaps, HaveTheMeanOfTheInterval) {
  const GapMoments truth(interval_bytes_);
  double sum = 0;
  for (const double gap : gaps_) sum += gap;
  EXPECT_LT(std::fabs(test::ZScore(sum / kCount, truth.mean, truth.variance / kCount)), kMaxZ);
}

// A fourth central moment of 9 variances squared leaves (9 - 1) / n for the variance's own.
TEST_P(Gaps, HaveTheVarianceOfTheInterval) {
  const GapMoments truth(interval_bytes_);
  double sum = 0;
  for (const double gap : gaps_) sum += (gap - truth.mean) * (gap - truth.mean);
  EXPECT_LT(std::fabs(test::ZScore(sum / kCount / truth.variance, 1, 8.0 / kCount)), kMaxZ);
}

TEST_P(Gaps, DoNotDependOnTheOneBefore) {
  const GapMoments truth(interval_bytes_);
  const std::vector<double> leading(gaps_.begin(), gaps_.end() - 1);
  const std::vector<double> trailing(gaps_.begin() + 1, gaps_.end());
  const double z = test::CorrelationZ(leading, trailing, truth.mean, truth.variance);
  EXPECT_LT(std::fabs(z), kMaxZ);
}

INSTANTIATE_TEST_SUITE_P(Intervals, Gaps,
                         ::testing::Values(16, 4096, 512 << 10, std::uint64_t{1} << 40));
INSTANTIATE_TEST_SUITE_P(Intervals, LongGaps,
                         ::testing::Values(512 << 10, 64 << 20, std::uint64_t{1} << 40));

// Every single byte count has its exact share; a gap off by one would move them all.
TEST(ShortGaps, AreGeometric) {
  constexpr std::size_t kCells = 80;
  constexpr int kCount = 200'000;
  std::vector<double> counts(kCells);
  for (const double gap : DrawGaps(2, 16, kCount)) {
    ++counts[std::min(static_cast<std::size_t>(gap), kCells - 1)];
  }
  std::vector<double> expected;
  for (std::size_t k = 0; k < kCells; ++k) {
    const double share = k + 1 < kCells ? -std::expm1(-1.0 / 16) : 1;
    expected.push_back(kCount * share * std::exp(-static_cast<double>(k) / 16));
  }
  EXPECT_LT(std::fabs(test::ChiSquareZ(counts, expected)), kStrictMaxZ);
}

using SizeAndInterval = std::tuple<std::size_t, std::uint64_t>;

class ThreadsOfOneAllocation : public ::testing::TestWithParam<SizeAndInterval> {
 protected:
  static constexpr int kThreads = 100'000;

  std::size_t bytes_ = std::get<0>(GetParam());
  std::uint64_t interval_bytes_ = std::get<1>(GetParam());
  double probability_ = test::SampleProbability(bytes_, interval_bytes_);
  SamplingControl control_ = {interval_bytes_, 1};
};

TEST_P(ThreadsOfOneAllocation, AreSampledAsOftenAsTheirSizeSays) {
  int count = 0;
  for (int i = 0; i < kThreads; ++i) {
    ByteSampler sampler;
    count += Charge(sampler, control_, bytes_).IsSampled() ? 1 : 0;
  }
  EXPECT_LT(std::fabs(test::BinomialZ(count, kThreads, probability_)), kMaxZ) << count;
}

// Sizes so often sampled that both of two are, too.
using ThreadsOfTwoAllocations = ThreadsOfOneAllocation;

TEST_P(ThreadsOfTwoAllocations, SampleTheSecondIndependently) {
  int both = 0;
  for (int i = 0; i < kThreads; ++i) {
    ByteSampler sampler;
    const bool is_first = Charge(sampler, control_, bytes_).IsSampled();
    const bool is_second = Charge(sampler, control_, bytes_).IsSampled();
    both += is_first && is_second ? 1 : 0;
  }
  EXPECT_LT(std::fabs(test::BinomialZ(both, kThreads, probability_ * probability_)), kMaxZ);
}

const auto kRareSizes =
    ::testing::Values(SizeAndInterval{0, 64}, SizeAndInterval{0, 1024}, SizeAndInterval{15, 4096},
                      SizeAndInterval{1000, 512 << 10});
const auto kCommonSizes = ::testing::Values(
    SizeAndInterval{100, 4096}, SizeAndInterval{4095, 4096}, SizeAndInterval{20'000, 4096},
    SizeAndInterval{65535, 512 << 10}, SizeAndInterval{(512 << 10) - 1, 512 << 10},
    SizeAndInterval{2 << 20, 512 << 10});

INSTANTIATE_TEST_SUITE_P(Rare, ThreadsOfOneAllocation, kRareSizes);
INSTANTIATE_TEST_SUITE_P(Common, ThreadsOfOneAllocation, kCommonSizes);
INSTANTIATE_TEST_SUITE_P(Common, ThreadsOfTwoAllocations, kCommonSizes);

TEST(Threads, WithAdjacentSeedsHaveUnrelatedGaps) {
  constexpr int kThreads = 100'000;
  constexpr std::uint64_t kInterval = 512 << 10;
  SamplingControl control = {kInterval, 1};
  std::vector<double> gaps;
  for (int i = 0; i < kThreads; ++i) {
    ByteSampler sampler;
    gaps.push_back(static_cast<double>(test::NextGap(sampler, control)));
  }
  const GapMoments truth(kInterval);
  const std::vector<double> leading(gaps.begin(), gaps.end() - 1);
  const std::vector<double> trailing(gaps.begin() + 1, gaps.end());
  const double z = test::CorrelationZ(leading, trailing, truth.mean, truth.variance);
  EXPECT_LT(std::fabs(z), kMaxZ);
}

}  // namespace
}  // namespace limpet
