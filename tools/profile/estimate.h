// How much each stack allocated and holds, estimated from its samples.
//
//   objects = sum(weight) / 2^kWeightBits, rounded once, after summing
//   bytes   = sum(requested_bytes * weight / 2^kWeightBits)
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Sums stop at the largest value instead of wrapping: a forged weight stays a large number.
struct Estimate {
  std::uint64_t allocated_weight = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t in_use_weight = 0;
  std::uint64_t in_use_bytes = 0;

  std::int64_t AllocatedObjects() const;
  std::int64_t AllocatedBytes() const;
  std::int64_t InUseObjects() const;
  std::int64_t InUseBytes() const;

  void Add(const Estimate& other);
};

enum class EstimateKind { kHeap, kMappings };

std::map<std::uint32_t, Estimate> EstimateStacks(const SegmentSnapshot& snapshot,
                                                 EstimateKind kind);

// Of all stacks together.
Estimate EstimateTotal(const SegmentSnapshot& snapshot, EstimateKind kind);

}  // namespace limpet
