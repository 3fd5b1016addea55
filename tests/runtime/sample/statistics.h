// Judges of random results. Seeds in these tests are fixed, so a test either always passes or
// never; the rates beside the limits say how often it would fail without cause if seeds were
// random.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace limpet::test {

inline constexpr double kMaxZ = 4;        // 6.3e-5 a comparison, two-sided
inline constexpr double kStrictMaxZ = 5;  // 5.7e-7, where a test makes many comparisons

// P(A^2 > 13) < 6e-7: A^2 is a sum of chi-squares over j (j + 1), whose tail is that of its first
// term times sqrt(3), so sqrt(3) erfc(sqrt(z)).
inline constexpr double kMaxAndersonDarling = 13;
inline constexpr double kMinProbability = 1e-6;

inline double ZScore(double observed, double expected, double variance) {
  return (observed - expected) / std::sqrt(variance);
}

inline double BinomialZ(double count, double trials, double probability) {
  return ZScore(count, trials * probability, trials * probability * (1 - probability));
}

// P(X >= count) for X ~ Binomial(trials, probability).
inline double BinomialUpperTail(int count, int trials, double probability) {
  double below = 0;
  for (int k = 0; k < count; ++k) {
    below += std::exp(std::lgamma(trials + 1) - std::lgamma(k + 1) - std::lgamma(trials - k + 1) +
                      k * std::log(probability) + (trials - k) * std::log1p(-probability));
  }
  return 1 - below;
}

// A^2 of values that should be uniform on (0, 1).
inline double AndersonDarling(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double weight = 2 * static_cast<double>(i) + 1;
    sum += weight * (std::log(values[i]) + std::log1p(-values[n - 1 - i]));
  }
  return -static_cast<double>(n) - sum / static_cast<double>(n);
}

// Chi-square of counts against expected ones, as a z score (Wilson and Hilferty's cube root).
inline double ChiSquareZ(const std::vector<double>& counts, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  }
  const double spread = 2.0 / (9.0 * static_cast<double>(counts.size() - 1));
  const double mean_square = sum / static_cast<double>(counts.size() - 1);
  return (std::cbrt(mean_square) - (1 - spread)) / std::sqrt(spread);
}

// Correlation of pairs with known mean and variance, as a z score.
inline double CorrelationZ(const std::vector<double>& a, const std::vector<double>& b, double mean,
                           double variance) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean) * (b[i] - mean);
  return sum / (variance * std::sqrt(static_cast<double>(a.size())));
}

}  // namespace limpet::test
