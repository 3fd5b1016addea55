#include "tools/profile/sample_order.h"

#include <algorithm>
#include <compare>
#include <tuple>

namespace limpet {
namespace {

std::strong_ordering CompareValues(const ProfileSample& one, const ProfileSample& other) {
  if (one.values.size() <= kInUseSpace) {  // counts, or waits, of which the time matters most
    return std::lexicographical_compare_three_way(one.values.rbegin(), one.values.rend(),
                                                  other.values.rbegin(), other.values.rend());
  }
  return std::tie(one.values[kInUseSpace], one.values[kAllocSpace]) <=>
         std::tie(other.values[kInUseSpace], other.values[kAllocSpace]);
}

std::strong_ordering CompareAddresses(const Profile& profile, const ProfileSample& one,
                                      const ProfileSample& other) {
  return std::lexicographical_compare_three_way(
      one.locations.begin(), one.locations.end(), other.locations.begin(), other.locations.end(),
      [&profile](std::uint32_t a, std::uint32_t b) {
        return profile.locations[a].address <=> profile.locations[b].address;
      });
}

}  // namespace

bool IsLarger(const ProfileSample& one, const ProfileSample& other) {
  return CompareValues(one, other) > 0;
}

void SortSamples(Profile& profile) {
  std::sort(profile.samples.begin(), profile.samples.end(),
            [&profile](const ProfileSample& one, const ProfileSample& other) {
              const std::strong_ordering sizes = CompareValues(one, other);
              if (sizes != std::strong_ordering::equal) return sizes > 0;
              const std::strong_ordering order = CompareAddresses(profile, one, other);
              if (order != std::strong_ordering::equal) return order < 0;
              return std::tie(one.locations, one.labels) < std::tie(other.locations, other.labels);
            });
}

}  // namespace limpet
