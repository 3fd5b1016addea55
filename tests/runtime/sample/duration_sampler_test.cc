#include "runtime/sample/duration_sampler.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/sample/random.h"
#include "tests/runtime/sample/statistics.h"

namespace limpet {
namespace {

constexpr std::uint64_t kRate = 10'000;

TEST(SampleDuration, TakesEachThatIsLongEnoughAsItIs) {
  for (const std::uint64_t duration : {kRate, kRate + 1, std::uint64_t{1} << 60}) {
    const DurationSample sample = SampleDuration(duration, kRate, /*random=*/kRate - 1);
    EXPECT_EQ(sample.weight, kWeightOne);
    EXPECT_EQ(sample.duration_ns, duration);
  }
}

TEST(SampleDuration, ATakenShortOneStandsForTheOthers) {
  const DurationSample sample = SampleDuration(kRate / 4, kRate, /*random=*/0);
  EXPECT_EQ(sample.weight, 4 * kWeightOne);
  EXPECT_EQ(sample.duration_ns, kRate);
}

TEST(SampleDuration, TakesAllWhereTheRateIsOne) {
  EXPECT_EQ(SampleDuration(1, 1, 77).weight, kWeightOne);
  EXPECT_EQ(SampleDuration(5, 1, 77).duration_ns, 5u);
}

// Both sums are right on average, whatever the durations.
TEST(SampleDuration, IsUnbiased) {
  Random random(20);
  for (const std::uint64_t duration : {std::uint64_t{3}, std::uint64_t{500}, kRate * 2 / 3}) {
    constexpr int kWaits = 1'000'000;
    double events = 0, sum_ns = 0;
    for (int i = 0; i < kWaits; ++i) {
      const DurationSample sample = SampleDuration(duration, kRate, random.Draw());
      events += static_cast<double>(sample.weight) / static_cast<double>(kWeightOne);
      sum_ns += static_cast<double>(sample.duration_ns);
    }
    const double chance = static_cast<double>(duration) / kRate;
    EXPECT_LT(std::abs(test::BinomialZ(events * chance, kWaits, chance)), test::kMaxZ) << duration;
    EXPECT_LT(std::abs(test::BinomialZ(sum_ns / kRate, kWaits, chance)), test::kMaxZ) << duration;
  }
}

}  // namespace
}  // namespace limpet
