#include "runtime/sample/elementary.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace limpet {
namespace {

// ln 2 in two parts. The high one has 21 trailing zero bits, so that its product with an exponent
// of up to 11 bits is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
constexpr double kLog2E = 0x1.71547652b82fep+0;

constexpr int kMantissaBits = 52;
constexpr int kExponentBias = 1023;
constexpr double kSmallestNormal = 0x1p-1022;

// 2^exponent, for the exponents of normal numbers.
double PowerOfTwo(std::int64_t exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(exponent + kExponentBias)
                               << kMantissaBits);
}

// x = mantissa * 2^exponent with the mantissa in [sqrt(1/2), sqrt(2)): centred, so that the
// exponent is 0 around 1 and nothing cancels there.
struct Centred {
  double mantissa;
  std::int64_t exponent;
};

Centred Centre(double x) {
  constexpr std::uint64_t kSqrtHalf = std::bit_cast<std::uint64_t>(0x1.6a09e667f3bcdp-1);
  const auto distance = std::bit_cast<std::int64_t>(std::bit_cast<std::uint64_t>(x) - kSqrtHalf);
  const std::int64_t exponent = distance >> kMantissaBits;
  const auto shift = static_cast<std::uint64_t>(exponent) << kMantissaBits;
  return {std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) - shift), exponent};
}

// Highest power first. The powers of the last coefficient's parity and the others are summed apart,
// each by Horner's rule in x^2: two short chains of operations instead of one that waits for
// itself.
template <std::size_t kCount>
double Polynomial(const double (&coefficients)[kCount], double x) {
  const double square = x * x;
  double even = 0, odd = 0;
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kCount; ++i) {
    double& sum = (kCount - 1 - i) % 2 == 0 ? even : odd;
    sum = sum * square + coefficients[i];
  }
  return odd * x + even;
}

// (2 atanh(s) - 2 s) / s = 2 s^2/3 + 2 s^4/5 + ... for s^2 <= (3 - 2 sqrt 2)^2 = 0.0295. The first
// term left out is 2 s^22/23 < 2^-59.
double AtanhTail(double square) {
  static constexpr double kCoefficients[] = {2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15, 2.0 / 13,
                                             2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};
  return Polynomial(kCoefficients, square) * square;
}

// (e^r - 1 - r) / r^2 = 1/2! + r/3! + ... for |r| <= ln(2)/2. The first term left out is
// r^13/15! < 2^-59.
double ExponentialTail(double r) {
  static constexpr double kCoefficients[] = {
      1.0 / 87178291200, 1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
      1.0 / 362880,      1.0 / 40320,      1.0 / 5040,      1.0 / 720,      1.0 / 120,
      1.0 / 24,          1.0 / 6,          1.0 / 2};
  return Polynomial(kCoefficients, r);
}

std::int64_t RoundToInteger(double x) {
  return static_cast<std::int64_t>(x < 0 ? x - 0.5 : x + 0.5);
}

}  // namespace

// With f = m - 1 (exact) and s = f / (2 + f):  ln m = 2 atanh s = f - s (f^2/2 ... ), written so
// that the exact f leads and the rounding of the quotient touches only what follows it.
double NaturalLog(double x) {
  if (x < kSmallestNormal) return NaturalLog(x * 0x1p54) - 54 * (kLn2High + kLn2Low);
  const auto [mantissa, exponent] = Centre(x);
  const double f = mantissa - 1;
  const double s = f / (2 + f);
  const double half_square = 0.5 * f * f;
  const double tail = s * (half_square + AtanhTail(s * s));
  const auto scale = static_cast<double>(exponent);
  return scale * kLn2High - ((half_square - (tail + scale * kLn2Low)) - f);
}

// With x = k ln 2 + r:  e^x - 1 = 2^k (e^r - 1) + (2^k - 1).
double ExpMinusOne(double x) {
  if (x < -40) return -1;  // e^-40 is less than half a unit in the last place
  const std::int64_t k = RoundToInteger(x * kLog2E);
  const auto scale = static_cast<double>(k);
  const double r = (x - scale * kLn2High) - scale * kLn2Low;
  const double grown = r + r * r * ExponentialTail(r);
  if (k == 0) return grown;
  const double power = PowerOfTwo(k);
  return power * grown + (power - 1);
}

}  // namespace limpet
