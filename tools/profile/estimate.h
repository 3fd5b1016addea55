// How much each stack allocated and holds, estimated from its samples.
//
//   objects = sum(weight) / 2^kWeightBits, rounded once, after summing
//   bytes   = sum(requested_bytes * weight / 2^kWeightBits)
//
// The variance of such a sum of values v is sum(v^2 w (w - 1)), over the samples alone
// (runtime/sample/README.md, "Weights"). README, "Confidence", says what is known of it where a
// stack has only sums.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Sums stop at the largest value instead of wrapping: a forged weight stays a large number.
struct SampledTotal {
  std::uint64_t samples = 0;
  std::uint64_t weight = 0;
  std::uint64_t bytes = 0;
  double objects_variance = 0;
  double bytes_variance = 0;

  std::int64_t Objects() const;
  std::int64_t Bytes() const;

  // Standard error of the value, as a share of it; 0 where the value is.
  double ObjectsError() const;
  double BytesError() const;

  void Add(const SampledTotal& other);
};

struct Estimate {
  // Bytes' variance is the most that it can be, objects' the least: what it is when all blocks of a
  // stack have one size.
  SampledTotal allocated;
  SampledTotal in_use;

  void Add(const Estimate& other);
};

enum class EstimateKind { kHeap, kMappings };

// Mean bytes between samples; 1: each is recorded, as mappings always are; 0: not known.
std::uint64_t IntervalOf(const SegmentSnapshot& snapshot, EstimateKind kind);

std::map<std::uint32_t, Estimate> EstimateStacks(const SegmentSnapshot& snapshot,
                                                 EstimateKind kind);

// Of all stacks together.
Estimate EstimateTotal(const SegmentSnapshot& snapshot, EstimateKind kind);

}  // namespace limpet
