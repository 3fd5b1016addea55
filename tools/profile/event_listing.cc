#include "tools/profile/event_listing.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_format.h"
#include "runtime/layout/allocation_slot.h"
#include "tools/profile/sample_order.h"

namespace limpet {

EventSum SumOf(const EventRecord& event) {
  return {static_cast<double>(event.weight) / static_cast<double>(kWeightOne),
          static_cast<double>(event.duration_ns)};
}

std::int64_t Rounded(double value) {
  constexpr auto kMost = static_cast<double>(std::int64_t{1} << 62);
  return std::llround(std::min(value, kMost));
}

EventListing::EventListing(const std::string& name, const SegmentSnapshot& snapshot,
                           FrameNamer& namer, const ProfileOrigin& origin)
    : profile_{.name = name, .period = 1, .time_unix_ns = origin.time_unix_ns},
      table_(snapshot, profile_),
      stacks_(snapshot, namer) {
  profile_.comments.push_back(
      absl::StrFormat("limpet: %s of %s (pid %d)", name, ProgramOf(snapshot), snapshot.pid));
}

void EventListing::Add(LocationList locations, const char* label, const std::string& text,
                       const EventSum& sum) {
  const auto [place, is_new] =
      labels_.try_emplace(text, static_cast<std::int32_t>(profile_.label_sets.size()));
  if (is_new) profile_.label_sets.push_back({{{label, text}}, {}});
  sums_[{std::move(locations), place->second}].Add(sum);
}

Profile EventListing::Take() {
  for (const auto& [key, sum] : sums_) {
    std::vector<std::int64_t> values = {Rounded(sum.events)};
    if (profile_.sample_types.size() > 1) values.push_back(Rounded(sum.duration_ns));
    if (values.front() == 0 && values.back() == 0) continue;
    profile_.samples.push_back(
        {.locations = key.first, .values = std::move(values), .labels = key.second});
  }
  SortSamples(profile_);
  return std::move(profile_);
}

}  // namespace limpet
