#include "runtime/sample/elementary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "runtime/sample/random.h"

namespace limpet {
namespace {

using Function = double (*)(double);
using Oracle = long double (*)(long double);

// libm's long double has 11 bits more: its own error is 5e-20.
class ErrorMeter {
 public:
  ErrorMeter(Function function, Oracle oracle) : function_(function), oracle_(oracle) {}

  void Compare(double x) {
    const long double truth = oracle_(x);
    const long double difference = function_(x) - truth;
    const long double error = truth == 0 ? difference : difference / truth;
    if (std::fabs(error) <= worst_) return;
    worst_ = static_cast<double>(std::fabs(error));
    worst_at_ = x;
  }

  // A few steps to both sides of `x`, where a case distinction may lie.
  void CompareAround(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    for (std::uint64_t step = 0; step <= 64; ++step) {
      Compare(std::bit_cast<double>(bits + step));
      Compare(std::bit_cast<double>(bits - step));
    }
  }

  ~ErrorMeter() { EXPECT_LE(worst_, kElementaryError) << "at " << std::hexfloat << worst_at_; }

 private:
  Function function_;
  Oracle oracle_;
  double worst_ = 0;
  double worst_at_ = 0;
};

constexpr int kPoints = 2'000'000;

ErrorMeter LogMeter() { return {NaturalLog, std::log}; }
ErrorMeter ExpMeter() { return {ExpMinusOne, std::expm1}; }

// Any finite positive number, all exponents alike.
double AnyPositive(Random& random) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return std::bit_cast<double>(random.Draw() % (std::bit_cast<std::uint64_t>(kInfinity) - 1) + 1);
}

TEST(NaturalLog, IsAccurateOnTheUnitInterval) {
  ErrorMeter meter = LogMeter();
  Random random(1);
  for (int i = 0; i < kPoints; ++i) meter.Compare(random.UnitInterval());
}

TEST(NaturalLog, IsAccurateOverAllPositiveNumbers) {
  ErrorMeter meter = LogMeter();
  Random random(2);
  for (int i = 0; i < kPoints; ++i) meter.Compare(AnyPositive(random));
}

TEST(NaturalLog, IsAccurateCloseToOne) {
  ErrorMeter meter = LogMeter();
  Random random(3);
  for (int i = 0; i < kPoints; ++i) {
    const double distance = random.UnitInterval() * std::ldexp(0.5, -(i % 53));
    meter.Compare(1 - distance);
    meter.Compare(1 + distance);
  }
}

TEST(NaturalLog, IsAccurateForSubnormals) {
  ErrorMeter meter = LogMeter();
  Random random(4);
  for (int i = 0; i < kPoints; ++i) meter.Compare(random.UnitInterval() * 0x1p-1022 + 0x1p-1074);
  for (int exponent = -1074; exponent < -1020; ++exponent) meter.Compare(std::ldexp(1, exponent));
}

TEST(NaturalLog, IsAccurateAroundPowersOfTwoAndTheirMiddles) {
  ErrorMeter meter = LogMeter();
  for (int exponent = -1021; exponent < 1023; ++exponent) {
    meter.CompareAround(std::ldexp(1.0, exponent));
    meter.CompareAround(std::ldexp(std::sqrt(2.0), exponent));
  }
}

TEST(NaturalLog, KnowsItsEdges) {
  EXPECT_EQ(NaturalLog(1), 0);
  EXPECT_DOUBLE_EQ(NaturalLog(0x1p-53), std::log(0x1p-53));
  EXPECT_DOUBLE_EQ(NaturalLog(std::numeric_limits<double>::max()), 709.782712893384);
  EXPECT_DOUBLE_EQ(NaturalLog(std::numeric_limits<double>::denorm_min()), -744.4400719213812);
}

TEST(ExpMinusOne, IsAccurateForMinusOneToZero) {
  ErrorMeter meter = ExpMeter();
  Random random(5);
  for (int i = 0; i < kPoints; ++i) meter.Compare(-random.UnitInterval());
}

TEST(ExpMinusOne, IsAccurateOverItsRange) {
  ErrorMeter meter = ExpMeter();
  Random random(6);
  for (int i = 0; i < kPoints; ++i) {
    meter.Compare(-64 * random.UnitInterval());
    meter.Compare(709 * random.UnitInterval());
  }
}

TEST(ExpMinusOne, IsAccurateForTinyArguments) {
  ErrorMeter meter = ExpMeter();
  Random random(7);
  for (int i = 0; i < kPoints; ++i) {
    const double x = random.UnitInterval() * std::ldexp(1.0, -(i % 1020));
    meter.Compare(x);
    meter.Compare(-x);
  }
}

TEST(ExpMinusOne, IsAccurateWhereItsReductionSteps) {
  ErrorMeter meter = ExpMeter();
  for (int half = -116; half < 2045; ++half) {
    if (half != 0) meter.CompareAround(half * std::log(2.0) / 2);
  }
  meter.CompareAround(-40);
}

TEST(ExpMinusOne, KnowsItsEdges) {
  EXPECT_EQ(ExpMinusOne(0), 0);
  EXPECT_EQ(ExpMinusOne(-0x1p-1074), -0x1p-1074);
  EXPECT_EQ(ExpMinusOne(-41), -1);
  EXPECT_EQ(ExpMinusOne(-1e300), -1);
  EXPECT_EQ(ExpMinusOne(-INFINITY), -1);
}

TEST(ExpMinusOne, IsAProbabilityWhenNegated) {
  for (int step = 0; step < 45 << 14; ++step) {
    const double x = step * 0x1p-14;
    ASSERT_GE(ExpMinusOne(-x), -1) << x;
    ASSERT_LE(ExpMinusOne(-x), 0) << x;
  }
}

}  // namespace
}  // namespace limpet
