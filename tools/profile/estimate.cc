#include "tools/profile/estimate.h"

#include <algorithm>
#include <cmath>
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

double WeightValue(std::uint64_t weight) {
  return static_cast<double>(weight) / static_cast<double>(kWeightOne);
}

double RelativeError(double variance, double value) {
  return value > 0 ? std::sqrt(variance) / value : 0;
}

// WeightedBytes() of what no real target writes could wrap; such a block counts as the largest.
std::uint64_t BlockBytes(const AllocationRecord& record) {
  __extension__ using Wide = unsigned __int128;
  const Wide wide = (Wide{record.requested_bytes} * record.weight) >> kWeightBits;
  return wide >= kLargest ? kLargest : WeightedBytes(record.requested_bytes, record.weight);
}

// What one sample adds to the variance of the number of objects; a forged weight may be below 1.
double WeightVariance(double weight) { return std::max(0.0, weight * (weight - 1)); }

SampledTotal InUseOf(const AllocationRecord& record) {
  const double variance = WeightVariance(WeightValue(record.weight));
  const auto bytes = static_cast<double>(record.requested_bytes);
  return {.samples = 1,
          .weight = record.weight,
          .bytes = BlockBytes(record),
          .objects_variance = variance,
          .bytes_variance = bytes * bytes * variance};
}

// A site has sums only. With the mean weight for each of its samples, the variance of objects comes
// out least, as w (w - 1) is convex, and that of bytes most: a block of that weight is -T ln(1-1/w)
// bytes, so a sample adds (T ln(1-1/w))^2 w (w - 1), which is concave, and never above T^2.
SampledTotal AllocatedAt(const SiteRecord& site, std::uint64_t interval_bytes) {
  const auto samples = static_cast<double>(std::max<std::uint64_t>(site.samples, 1));
  const double weight = WeightValue(site.allocated_objects_weight) / samples;
  const double variance = WeightVariance(weight);
  const double charged_bytes =
      variance > 0 ? -std::log1p(-1 / weight) * static_cast<double>(interval_bytes) : 0;
  return {.samples = site.samples,
          .weight = site.allocated_objects_weight,
          .bytes = site.allocated_bytes,
          .objects_variance = samples * variance,
          .bytes_variance = samples * charged_bytes * charged_bytes * variance};
}

}  // namespace

std::int64_t SampledTotal::Objects() const {
  return Value((std::min(weight, kLargest) + kWeightOne / 2) / kWeightOne);
}

std::int64_t SampledTotal::Bytes() const { return Value(bytes); }

double SampledTotal::ObjectsError() const {
  return RelativeError(objects_variance, WeightValue(weight));
}

double SampledTotal::BytesError() const {
  if (bytes == 0) return ObjectsError();  // of empty blocks there is no other
  return RelativeError(bytes_variance, static_cast<double>(bytes));
}

void SampledTotal::Add(const SampledTotal& other) {
  AddSaturated(samples, other.samples);
  AddSaturated(weight, other.weight);
  AddSaturated(bytes, other.bytes);
  objects_variance += other.objects_variance;
  bytes_variance += other.bytes_variance;
}

void Estimate::Add(const Estimate& other) {
  allocated.Add(other.allocated);
  in_use.Add(other.in_use);
}

std::uint64_t IntervalOf(const SegmentSnapshot& snapshot, EstimateKind kind) {
  return kind == EstimateKind::kMappings ? 1 : snapshot.sample_interval_bytes;
}

std::map<std::uint32_t, Estimate> EstimateStacks(const SegmentSnapshot& snapshot,
                                                 EstimateKind kind) {
  std::map<std::uint32_t, Estimate> stacks;
  const bool is_mappings = kind == EstimateKind::kMappings;
  for (const SiteRecord& site : snapshot.sites) {
    if (site.is_mapping != is_mappings) continue;
    stacks[site.stack].allocated.Add(AllocatedAt(site, IntervalOf(snapshot, kind)));
  }
  for (const AllocationRecord& record : is_mappings ? snapshot.mappings : snapshot.allocations) {
    stacks[record.stack].in_use.Add(InUseOf(record));
  }
  return stacks;
}

Estimate EstimateTotal(const SegmentSnapshot& snapshot, EstimateKind kind) {
  Estimate total;
  for (const auto& [stack, estimate] : EstimateStacks(snapshot, kind)) total.Add(estimate);
  return total;
}

}  // namespace limpet
