// Which waits are added up, and what each stands for: as Go's block profile has it.
//
//   duration >= rate   each, as it is
//   duration <  rate   with chance duration / rate; it then stands for rate / duration such waits,
//                      which took `rate` together
//
// So both sums are right on average, and what is short costs little. Source: Go, runtime/mprof.go,
// blocksampled and blockevent.
//
// Runs: target hot path (slow side: after a wait).  Threads: pure.  Allocates: never.
#pragma once

#include <cstdint>

#include "runtime/layout/allocation_slot.h"

namespace limpet {

struct DurationSample {
  std::uint64_t weight;       // how many waits, in units of 2^-kWeightBits; 0: not sampled
  std::uint64_t duration_ns;  // of all of them
};

// `duration_ns` and `rate_ns` are not 0; `random` has 64 bits.
constexpr DurationSample SampleDuration(std::uint64_t duration_ns, std::uint64_t rate_ns,
                                        std::uint64_t random) {
  if (duration_ns >= rate_ns) return {kWeightOne, duration_ns};
  if ((random >> 32) * rate_ns >> 32 >= duration_ns) return {0, 0};  // no division
  return {kWeightOne * rate_ns / duration_ns, rate_ns};
}

// What `part_ns` of a wait of `duration_ns` stands for, where all of it is `sample`. No product is
// more than 64 bits: what is not as it is was shorter than a rate, and that is at most a second.
constexpr std::uint64_t ShareOf(const DurationSample& sample, std::uint64_t duration_ns,
                                std::uint64_t part_ns) {
  if (sample.duration_ns == duration_ns) return part_ns;
  return part_ns * sample.duration_ns / duration_ns;
}

}  // namespace limpet
