#include "tools/profile/estimate.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "runtime/layout/allocation_slot.h"

namespace limpet {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();

void AddSaturated(std::uint64_t& sum, std::uint64_t value) {
  sum = value > kLargest - std::min(sum, kLargest) ? kLargest : sum + value;
}

std::int64_t Value(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, kLargest));
}

std::int64_t Objects(std::uint64_t weight) { return Value((weight + kWeightOne / 2) / kWeightOne); }

// WeightedBytes() of what no real target writes could wrap; such a block counts as the largest.
std::uint64_t BlockBytes(const AllocationRecord& record) {
  __extension__ using Wide = unsigned __int128;
  const Wide wide = (Wide{record.requested_bytes} * record.weight) >> kWeightBits;
  return wide >= kLargest ? kLargest : WeightedBytes(record.requested_bytes, record.weight);
}

}  // namespace

std::int64_t Estimate::AllocatedObjects() const { return Objects(allocated_weight); }
std::int64_t Estimate::AllocatedBytes() const { return Value(allocated_bytes); }
std::int64_t Estimate::InUseObjects() const { return Objects(in_use_weight); }
std::int64_t Estimate::InUseBytes() const { return Value(in_use_bytes); }

void Estimate::Add(const Estimate& other) {
  AddSaturated(allocated_weight, other.allocated_weight);
  AddSaturated(allocated_bytes, other.allocated_bytes);
  AddSaturated(in_use_weight, other.in_use_weight);
  AddSaturated(in_use_bytes, other.in_use_bytes);
}

std::map<std::uint32_t, Estimate> EstimateStacks(const SegmentSnapshot& snapshot,
                                                 EstimateKind kind) {
  std::map<std::uint32_t, Estimate> stacks;
  const bool is_mappings = kind == EstimateKind::kMappings;
  for (const SiteRecord& site : snapshot.sites) {
    if (site.is_mapping != is_mappings) continue;
    stacks[site.stack].Add({.allocated_weight = site.allocated_objects_weight,
                            .allocated_bytes = site.allocated_bytes});
  }
  for (const AllocationRecord& record : is_mappings ? snapshot.mappings : snapshot.allocations) {
    stacks[record.stack].Add({.in_use_weight = record.weight, .in_use_bytes = BlockBytes(record)});
  }
  return stacks;
}

Estimate EstimateTotal(const SegmentSnapshot& snapshot, EstimateKind kind) {
  Estimate total;
  for (const auto& [stack, estimate] : EstimateStacks(snapshot, kind)) total.Add(estimate);
  return total;
}

}  // namespace limpet
