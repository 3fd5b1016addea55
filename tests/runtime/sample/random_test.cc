#include "runtime/sample/random.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <set>
#include <vector>

#include "tests/runtime/sample/statistics.h"

namespace limpet {
namespace {

using test::kMaxAndersonDarling;
using test::kMaxZ;
using test::kStrictMaxZ;

constexpr double kUniformMean = 0.5;
constexpr double kUniformVariance = 1.0 / 12;

std::vector<double> UniformDraws(std::uint64_t seed, int count) {
  Random random(seed);
  std::vector<double> draws;
  for (int i = 0; i < count; ++i) draws.push_back(random.UnitInterval());
  return draws;
}

// The first draw of each of many generators with consecutive seeds.
std::vector<double> FirstDraws(std::uint64_t first_seed, int count) {
  std::vector<double> draws;
  for (int i = 0; i < count; ++i) {
    draws.push_back(Random(first_seed + static_cast<std::uint64_t>(i)).UnitInterval());
  }
  return draws;
}

TEST(Random, IsUniform) {
  for (const std::uint64_t seed : {0u, 1u, 2u, 3u}) {
    EXPECT_LT(test::AndersonDarling(UniformDraws(seed, 100'000)), kMaxAndersonDarling) << seed;
  }
}

TEST(Random, HasNoSerialCorrelation) {
  const std::vector<double> draws = UniformDraws(5, 1'000'000);
  for (std::size_t lag = 1; lag <= 8; ++lag) {
    const std::vector<double> leading(draws.begin(), draws.end() - static_cast<long>(lag));
    const std::vector<double> trailing(draws.begin() + static_cast<long>(lag), draws.end());
    const double z = test::CorrelationZ(leading, trailing, kUniformMean, kUniformVariance);
    EXPECT_LT(std::fabs(z), kMaxZ) << lag;
  }
}

TEST(Random, SetsEachBitHalfOfTheTime) {
  Random random(6);
  constexpr int kDraws = 100'000;
  std::vector<int> counts(64);
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t draw = random.Draw();
    for (std::size_t bit = 0; bit < 64; ++bit) counts[bit] += (draw >> bit & 1) != 0 ? 1 : 0;
  }
  for (const int count : counts) EXPECT_LT(std::fabs(test::BinomialZ(count, kDraws, 0.5)), kMaxZ);
}

TEST(Random, StaysInTheHalfOpenUnitInterval) {
  Random random(7);
  for (int i = 0; i < 1'000'000; ++i) {
    const double u = random.UnitInterval();
    ASSERT_GT(u, 0);
    ASSERT_LE(u, 1);
    ASSERT_EQ(u * 0x1p53, std::trunc(u * 0x1p53));
  }
}

TEST(Random, ConsecutiveSeedsGiveUniformFirstDraws) {
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    EXPECT_LT(test::AndersonDarling(FirstDraws(first, 100'000)), kMaxAndersonDarling) << first;
  }
}

TEST(Random, AdjacentSeedsAreNotCorrelated) {
  for (const std::uint64_t distance : {1u, 2u, 3u, 64u, 65536u}) {
    const double z = test::CorrelationZ(FirstDraws(0, 200'000), FirstDraws(distance, 200'000),
                                        kUniformMean, kUniformVariance);
    EXPECT_LT(std::fabs(z), kMaxZ) << distance;
  }
}

TEST(Random, AdjacentSeedsFillTheSquareEvenly) {
  constexpr std::size_t kSide = 32;
  constexpr int kDraws = 300'000;
  const std::vector<double> x = FirstDraws(0, kDraws);
  const std::vector<double> y = FirstDraws(1, kDraws);
  std::vector<double> counts(kSide * kSide);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto column = static_cast<std::size_t>(std::ceil(x[i] * kSide)) - 1;
    const auto row = static_cast<std::size_t>(std::ceil(y[i] * kSide)) - 1;
    ++counts[row * kSide + column];
  }
  const std::vector<double> expected(counts.size(), double{kDraws} / (kSide * kSide));
  EXPECT_LT(std::fabs(test::ChiSquareZ(counts, expected)), kStrictMaxZ);
}

TEST(Random, StreamsOfAdjacentSeedsShareNoDraws) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(seen.insert(random.Draw()).second);
  }
}

TEST(Random, StirFlipsHalfOfTheBitsForEachInputBit) {
  constexpr int kWords = 2000;
  for (int bit = 0; bit < 64; ++bit) {
    int flips = 0;
    for (std::uint64_t word = 0; word < kWords; ++word) {
      flips += std::popcount(Stir(word) ^ Stir(word ^ (std::uint64_t{1} << bit)));
    }
    EXPECT_LT(std::fabs(test::BinomialZ(flips, kWords * 64.0, 0.5)), kStrictMaxZ) << bit;
  }
}

TEST(Random, KnowsWhetherItIsSeeded) {
  EXPECT_FALSE(Random().IsSeeded());
  for (std::uint64_t seed = 0; seed < 1000; ++seed) EXPECT_TRUE(Random(seed).IsSeeded());
}

}  // namespace
}  // namespace limpet
