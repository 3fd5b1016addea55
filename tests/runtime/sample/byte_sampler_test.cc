#include "runtime/sample/byte_sampler.h"

#include <fenv.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>

#include "tests/runtime/sample/charging.h"
#include "tests/runtime/sample/statistics.h"

namespace limpet {
namespace {

using test::Charge;
using test::kMaxZ;
using test::SeededSampler;

constexpr std::size_t kLargest = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kHalf = std::size_t{1} << 63;

constinit thread_local ByteSampler t_sampler;  // must need neither code nor guard to come to life

int CountSamples(ByteSampler& sampler, SamplingControl& control, std::size_t bytes, int charges) {
  int count = 0;
  for (int i = 0; i < charges; ++i) count += Charge(sampler, control, bytes).IsSampled() ? 1 : 0;
  return count;
}

TEST(ByteSampler, SendsTheFirstAllocationOfAThreadTheSlowWay) {
  EXPECT_FALSE(t_sampler.Passes(0));
  std::thread([] { EXPECT_FALSE(t_sampler.Passes(0)); }).join();
}

TEST(ByteSampler, TakesOneSeedAThread) {
  SamplingControl control = {4096, 7};
  ByteSampler first;
  ByteSampler second;
  CountSamples(first, control, 100, 1000);
  CountSamples(second, control, 100, 1000);
  EXPECT_EQ(control.next_seed, 9u);
}

TEST(ByteSampler, DrawsAGapBeforeItChargesTheFirstAllocation) {
  SamplingControl control = {kMaxIntervalBytes, 1};
  ByteSampler sampler;
  EXPECT_EQ(Charge(sampler, control, 100), kNotSampled);
  EXPECT_TRUE(sampler.Passes(100));
}

TEST(ByteSampler, SeesEmptyAllocations) {
  constexpr int kCharges = 100'000;
  SamplingControl control = {16, 1};
  ByteSampler sampler;
  const int count = CountSamples(sampler, control, 0, kCharges);
  EXPECT_LT(std::fabs(test::BinomialZ(count, kCharges, -std::expm1(-1.0 / 16))), kMaxZ);
}

TEST(ByteSampler, ChargesOneByteMoreThanRequested) {
  SamplingControl control = {1 << 20, 1};
  ByteSampler sampler;
  Charge(sampler, control, 0);
  const std::uint64_t gap = test::GapOf(sampler);
  ASSERT_TRUE(sampler.Passes(9));
  EXPECT_EQ(test::GapOf(sampler), gap - 10);
}

TEST(ByteSampler, SamplesEveryAllocationOnceWhenExact) {
  SamplingControl control = {kSampleAll, 1};
  ByteSampler sampler;
  for (const std::size_t bytes : {0ul, 1ul, 16ul, 4096ul, 1ul << 40}) {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(Charge(sampler, control, bytes), SampleWeight{kWeightOne});
    }
  }
}

TEST(ByteSampler, SamplesNothingWhenOff) {
  SamplingControl control = {kSamplingOff, 1};
  ByteSampler sampler;
  EXPECT_EQ(Charge(sampler, control, 100), kNotSampled);
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(sampler.Passes(std::size_t{1} << 40));
}

TEST(ByteSampler, StaysOffAfterAbsurdSizes) {
  SamplingControl control = {kSamplingOff, 1};
  ByteSampler sampler;
  for (const std::size_t bytes : {kHalf - 1, kHalf, kLargest - 1, kLargest}) {
    EXPECT_EQ(Charge(sampler, control, bytes), kNotSampled) << bytes;
    EXPECT_EQ(Charge(sampler, control, 100), kNotSampled) << bytes;
  }
}

TEST(ByteSampler, GoesOffAndOnAgain) {
  SamplingControl control = {kSampleAll, 1};
  ByteSampler sampler;
  EXPECT_TRUE(Charge(sampler, control, 1).IsSampled());
  control.interval_bytes = kSamplingOff;
  EXPECT_TRUE(Charge(sampler, control, 1).IsSampled());  // the gap drawn before
  EXPECT_EQ(CountSamples(sampler, control, 1, 1000), 0);
  control.interval_bytes = kSampleAll;
  sampler.Reseed(2);
  EXPECT_EQ(CountSamples(sampler, control, 1, 1000), 1000);
}

TEST(ByteSampler, NeverSamplesASizeThatCannotSucceed) {
  for (const std::uint64_t interval_bytes : {kSampleAll, std::uint64_t{4096}, kMaxIntervalBytes}) {
    SamplingControl control = {interval_bytes, 1};
    ByteSampler sampler;
    for (const std::size_t bytes : {kHalf - 1, kHalf, kHalf + 1, kLargest - 1, kLargest}) {
      EXPECT_EQ(CountSamples(sampler, control, bytes, 1000), 0) << bytes;
    }
  }
}

TEST(ByteSampler, IsNotDisturbedByAbsurdSizes) {
  constexpr int kCharges = 200'000;
  SamplingControl control = {4096, 1};
  ByteSampler sampler;
  int count = 0;
  for (int i = 0; i < kCharges; ++i) {
    Charge(sampler, control, kLargest - static_cast<std::size_t>(i % 3));
    Charge(sampler, control, kHalf + static_cast<std::size_t>(i));
    count += Charge(sampler, control, 99).IsSampled() ? 1 : 0;
  }
  EXPECT_LT(std::fabs(test::BinomialZ(count, kCharges, -std::expm1(-100.0 / 4096))), kMaxZ);
}

TEST(ByteSampler, LetsTheLargestSizeChangeNothing) {
  SamplingControl control = {1 << 20, 1};
  ByteSampler sampler;
  Charge(sampler, control, 0);
  const std::uint64_t gap = test::GapOf(sampler);
  EXPECT_TRUE(sampler.Passes(kLargest));
  EXPECT_EQ(test::GapOf(sampler), gap);
}

// Under carry-over the next gap would begin inside the sampled allocation and be long used up.
TEST(ByteSampler, RedrawsTheIntervalAfterASample) {
  constexpr int kCharges = 100'000;
  SamplingControl control = {4096, 1};
  ByteSampler sampler;
  int count = 0;
  for (int i = 0; i < kCharges; ++i) {
    ASSERT_TRUE(Charge(sampler, control, 4096 * 100).IsSampled());
    count += Charge(sampler, control, 1000).IsSampled() ? 1 : 0;
  }
  EXPECT_LT(std::fabs(test::BinomialZ(count, kCharges, -std::expm1(-1001.0 / 4096))), kMaxZ);
}

TEST(ByteSampler, FollowsAChangedIntervalAfterItsNextSample) {
  SamplingControl control = {4096, 1};
  ByteSampler sampler;
  Charge(sampler, control, 0);
  control.interval_bytes = 65536;
  EXPECT_EQ(Charge(sampler, control, 100'000), WeightOf(100'000, 4096));
  EXPECT_EQ(Charge(sampler, control, 10'000'000), WeightOf(10'000'000, 65536));
}

TEST(ByteSampler, RepeatsItselfForEqualSeeds) {
  SamplingControl control = {4096, 1};
  ByteSampler one = SeededSampler(5);
  ByteSampler two = SeededSampler(5);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(Charge(one, control, 100), Charge(two, control, 100));
  }
  EXPECT_EQ(control.next_seed, 1u);
}

TEST(ByteSampler, GivesAForkedChildItsOwnGap) {
  SamplingControl control = {1 << 30, 1};
  ByteSampler parent;
  Charge(parent, control, 0);
  ByteSampler child = parent;
  child.Reseed(99);
  EXPECT_FALSE(child.Passes(0));
  EXPECT_EQ(child.ChargeSlow(0, control), kNotSampled);
  EXPECT_NE(test::GapOf(child), test::GapOf(parent));
}

TEST(ByteSampler, TakesLongerIntervalsForTheLongest) {
  SamplingControl longest = {kMaxIntervalBytes, 1};
  SamplingControl longer = {~std::uint64_t{0}, 1};
  ByteSampler one = SeededSampler(5);
  ByteSampler two = SeededSampler(5);
  Charge(one, longest, 0);
  Charge(two, longer, 0);
  EXPECT_EQ(test::GapOf(one), test::GapOf(two));
}

TEST(WeightOf, IsTheInverseProbabilityToTheNearestUnit) {
  for (const std::uint64_t interval : {2ull, 3ull, 4096ull, 512ull << 10, 1ull << 40}) {
    for (std::size_t bytes = 0; bytes < (1ull << 45); bytes += 1 + bytes / 3) {
      const double truth = 65536 / test::SampleProbability(bytes, interval);
      const auto weight = static_cast<double>(WeightOf(bytes, interval).fixed);
      ASSERT_NEAR(weight, truth, 0.5 + truth * 1e-15) << bytes << " of " << interval;
      ASSERT_GE(weight, 65536) << bytes << " of " << interval;
    }
  }
}

TEST(WeightOf, IsExactlyOneWhenEveryAllocationIsSampled) {
  EXPECT_EQ(WeightOf(0, kSampleAll).fixed, kWeightOne);
  EXPECT_EQ(WeightOf(1 << 20, kSampleAll).fixed, kWeightOne);
}

TEST(WeightOf, StandsForTheLongestIntervalAtTheSmallestSize) {
  EXPECT_NEAR(test::Objects(WeightOf(0, kMaxIntervalBytes)), 0x1p40, 1);
}

// What a program does to its floating-point unit, and gets back untouched.
class FloatSurroundings : public ::testing::Test {
 protected:
  ~FloatSurroundings() override { fesetenv(FE_DFL_ENV); }

  static SampleWeight Sample() {
    SamplingControl control = {4096, 1};
    ByteSampler sampler = SeededSampler(3);
    Charge(sampler, control, 10);
    return Charge(sampler, control, 40'000);
  }
};

TEST_F(FloatSurroundings, RoundingDoesNotChangeAWeight) {
  const SampleWeight nearest = Sample();
  for (const int rounding : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    fesetround(rounding);
    EXPECT_EQ(Sample(), nearest);
    EXPECT_EQ(fegetround(), rounding);
  }
}

TEST_F(FloatSurroundings, NoFlagIsRaised) {
  feclearexcept(FE_ALL_EXCEPT);
  EXPECT_TRUE(Sample().IsSampled());
  EXPECT_EQ(fetestexcept(FE_ALL_EXCEPT), 0);
}

TEST_F(FloatSurroundings, NothingTraps) {
  feenableexcept(FE_ALL_EXCEPT);
  EXPECT_TRUE(Sample().IsSampled());
  EXPECT_EQ(fegetexcept(), FE_ALL_EXCEPT);
}

}  // namespace
}  // namespace limpet
