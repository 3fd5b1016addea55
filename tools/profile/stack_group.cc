#include "tools/profile/stack_group.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "tools/profile/sample_order.h"
#include "tools/profile/stack_frames.h"

namespace limpet {
namespace {

// The variances of independent processes add up. `bytes`, `other_bytes`: what the errors are of.
void AddEvidence(Evidence& sum, std::int64_t bytes, const Evidence& other,
                 std::int64_t other_bytes) {
  const double total = static_cast<double>(bytes) + static_cast<double>(other_bytes);
  const double error = std::hypot(sum.relative_error * static_cast<double>(bytes),
                                  other.relative_error * static_cast<double>(other_bytes));
  sum.samples += other.samples;
  sum.relative_error =
      total > 0 ? error / total : std::max(sum.relative_error, other.relative_error);
}

void AddSample(const ProfileSample& sample, StackGroup& group) {
  ProfileSample& total = group.total;
  if (total.values.size() > kInUseSpace) {  // of a heap profile: estimates
    AddEvidence(total.allocated, total.values[kAllocSpace], sample.allocated,
                sample.values[kAllocSpace]);
    AddEvidence(total.in_use, total.values[kInUseSpace], sample.in_use, sample.values[kInUseSpace]);
  }
  for (std::size_t index = 0; index < sample.values.size(); ++index) {
    std::int64_t& value = total.values[index];
    if (__builtin_add_overflow(value, sample.values[index], &value)) value = INT64_MAX;
  }
  group.parts.push_back(&sample);
}

}  // namespace

std::vector<StackGroup> GroupStacks(const Profile& profile) {
  std::vector<StackGroup> groups;
  const auto is_before = [](const LocationList* one, const LocationList* other) {
    return *one < *other;
  };
  std::map<const LocationList*, std::size_t, decltype(is_before)> places(is_before);
  for (const ProfileSample& sample : profile.samples) {
    const auto [place, is_new] = places.try_emplace(&sample.locations, groups.size());
    if (is_new) {
      groups.push_back({.total = sample, .parts = {&sample}});
      groups.back().total.labels = -1;
    } else {
      AddSample(sample, groups[place->second]);
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const StackGroup& one, const StackGroup& other) {
                     return IsLarger(one.total, other.total);
                   });
  return groups;
}

}  // namespace limpet
