#include "runtime/sample/byte_sampler.h"

#include "runtime/sample/elementary.h"
#include "runtime/sys/float_scope.h"

namespace limpet {
namespace {

// Longer than any request that can succeed, shorter than any that wraps: an off thread leaves the
// fast path only for requests of 2^63 bytes and more.
constexpr std::uint64_t kParkedBytes = (std::uint64_t{1} << 63) - 1;

bool CanSucceed(std::size_t requested_bytes) { return requested_bytes < kParkedBytes; }

std::uint64_t ClampInterval(std::uint64_t interval_bytes) {
  return interval_bytes < kMaxIntervalBytes ? interval_bytes : kMaxIntervalBytes;
}

// floor(-T ln u): the number of bytes before the next marked one. For a charge of c whole bytes,
// floor(x) < c just when x < c, so P(gap < c) = P(u > e^(-c/T)) = 1 - e^(-c/T), rounded by nothing
// but the 53 bits of u. Adding 1 or rounding instead of flooring would bias every small size.
std::uint64_t ExponentialGap(Random& random, std::uint64_t interval_bytes) {
  const double mean_bytes = static_cast<double>(interval_bytes);
  return static_cast<std::uint64_t>(-mean_bytes * NaturalLog(random.UnitInterval()));
}

}  // namespace

SampleWeight WeightOf(std::size_t requested_bytes, std::uint64_t interval_bytes) {
  if (interval_bytes == kSampleAll) return {kWeightOne};
  const double charge_bytes = static_cast<double>(requested_bytes) + 1;
  const double probability = -ExpMinusOne(-charge_bytes / static_cast<double>(interval_bytes));
  const double weight = static_cast<double>(kWeightOne) / probability;
  // NOLINTNEXTLINE(bugprone-incorrect-roundings): lround is libm's, and a weight is positive
  return {static_cast<std::uint64_t>(weight + 0.5)};
}

SampleWeight ByteSampler::ChargeSlow(std::size_t requested_bytes, SamplingControl& control) {
  // Every allocation is a sample and stays one: no arithmetic, and nothing to draw.
  const bool is_exact = drawn_interval_bytes_ == kSampleAll && CanSucceed(requested_bytes) &&
                        control.interval_bytes.load(std::memory_order_relaxed) == kSampleAll;
  if (is_exact) return {kWeightOne};
  const FloatScope scope;
  return Charge(requested_bytes, control);
}

// A request that cannot succeed always comes here, whatever the gap; so drawing a new gap for it
// tells nothing about the old one and skews no later sample.
[[gnu::noinline]] SampleWeight ByteSampler::Charge(std::size_t requested_bytes,
                                                   SamplingControl& control) {
  if (!HasGap()) {
    Start(control);
    if (Passes(requested_bytes)) return kNotSampled;
  }
  const bool is_sample = HasGap() && CanSucceed(requested_bytes);
  const SampleWeight weight =
      is_sample ? WeightOf(requested_bytes, drawn_interval_bytes_) : kNotSampled;
  DrawGap(control.interval_bytes.load(std::memory_order_relaxed));
  return weight;
}

void ByteSampler::Start(SamplingControl& control) {
  if (!random_.IsSeeded()) random_.Seed(control.TakeSeed());
  DrawGap(control.interval_bytes.load(std::memory_order_relaxed));
}

void ByteSampler::DrawGap(std::uint64_t interval_bytes) {
  drawn_interval_bytes_ = ClampInterval(interval_bytes);
  switch (drawn_interval_bytes_) {
    case kSamplingOff:
      bytes_until_mark_ = kParkedBytes;
      return;
    case kSampleAll:
      bytes_until_mark_ = 0;
      return;
    default:
      bytes_until_mark_ = ExponentialGap(random_, drawn_interval_bytes_);
  }
}

ByteSampler ByteSampler::Parked() {
  ByteSampler sampler;
  sampler.DrawGap(kSamplingOff);
  return sampler;
}

void ByteSampler::Reseed(std::uint64_t seed) {
  *this = {};
  random_.Seed(seed);
}

}  // namespace limpet
