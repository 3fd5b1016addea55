// Uses a sampler the way the malloc hook does.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "runtime/sample/byte_sampler.h"

namespace limpet::test {

inline SampleWeight Charge(ByteSampler& sampler, SamplingControl& control, std::size_t bytes) {
  if (sampler.Passes(bytes)) [[likely]] {
    return kNotSampled;
  }
  return sampler.ChargeSlow(bytes, control);
}

inline ByteSampler SeededSampler(std::uint64_t seed) {
  ByteSampler sampler;
  sampler.Reseed(seed);
  return sampler;
}

// The truth, by libm.
inline double SampleProbability(std::size_t bytes, std::uint64_t interval_bytes) {
  if (interval_bytes == kSampleAll) return 1;
  return -std::expm1(-(static_cast<double>(bytes) + 1) / static_cast<double>(interval_bytes));
}

inline double Objects(SampleWeight weight) {
  return static_cast<double>(weight.fixed) / static_cast<double>(kWeightOne);
}

// Bytes that pass before the next mark: the largest charge that a copy lets pass.
inline std::uint64_t GapOf(const ByteSampler& sampler) {
  std::uint64_t gap = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 62; bit != 0; bit >>= 1) {
    ByteSampler probe = sampler;
    if (probe.Passes((gap | bit) - 1)) gap |= bit;
  }
  return gap;
}

// Ends the present gap by a sample and returns the next one.
inline std::uint64_t NextGap(ByteSampler& sampler, SamplingControl& control) {
  Charge(sampler, control, GapOf(sampler));
  return GapOf(sampler);
}

}  // namespace limpet::test
