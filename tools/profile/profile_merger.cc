#include "tools/profile/profile_merger.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "tools/profile/sample_order.h"
#include "tools/profile/stack_group.h"

namespace limpet {

void ProfileMerger::Add(const Profile& profile, LabelSet labels) {
  Renumbering renumbering{.mappings = std::vector<std::int32_t>(profile.mappings.size(), -1)};
  const bool is_first = merged_.label_sets.empty();
  if (is_first) {
    AddHeader(profile);
    if (!profile.mappings.empty()) AddMapping(profile, 0, renumbering);
  }
  merged_.time_unix_ns = std::max(merged_.time_unix_ns, profile.time_unix_ns);
  merged_.period = std::max(merged_.period, profile.period);
  for (const ProfileFunction& function : profile.functions) {
    renumbering.functions.push_back(functions_.Add(function));
  }
  for (const ProfileLocation& location : profile.locations) {
    renumbering.locations.push_back(locations_.Add(Moved(profile, location, renumbering)));
  }
  const std::size_t first_labels = merged_.label_sets.size();
  for (const LabelSet& own : profile.label_sets) {
    LabelSet both = labels;
    both.texts.insert(own.texts.begin(), own.texts.end());
    both.numbers.insert(own.numbers.begin(), own.numbers.end());
    merged_.label_sets.push_back(std::move(both));
  }
  if (profile.label_sets.empty()) merged_.label_sets.push_back(std::move(labels));
  AddSamples(profile, renumbering, first_labels);
}

// A file that was loaded at two addresses is at one now, which makes some stacks equal.
void ProfileMerger::AddSamples(const Profile& profile, const Renumbering& renumbering,
                               std::size_t first_labels) {
  std::map<std::int32_t, Profile> moved;  // by their own labels, which stay apart
  for (ProfileSample sample : profile.samples) {
    for (std::uint32_t& location : sample.locations) location = renumbering.locations[location];
    moved[std::max(sample.labels, 0)].samples.push_back(std::move(sample));
  }
  for (const auto& [own_labels, part] : moved) {
    for (StackGroup& group : GroupStacks(part)) {
      group.total.labels = static_cast<std::int32_t>(first_labels) + own_labels;
      merged_.samples.push_back(std::move(group.total));
    }
  }
}

Profile ProfileMerger::Take() {
  Profile profile = std::exchange(merged_, {});
  profile.mappings = mappings_.Take();
  profile.functions = functions_.Take();
  profile.locations = locations_.Take();
  SortSamples(profile);
  return profile;
}

void ProfileMerger::AddHeader(const Profile& profile) {
  merged_.name = profile.name;
  merged_.period_type = profile.period_type;
  merged_.sample_types = profile.sample_types;
  merged_.default_sample_type = profile.default_sample_type;
  merged_.drop_frames = profile.drop_frames;
}

void ProfileMerger::AddMapping(const Profile& profile, std::size_t index,
                               Renumbering& renumbering) {
  std::int32_t& added = renumbering.mappings[index];
  if (added < 0) added = static_cast<std::int32_t>(mappings_.Add(profile.mappings[index]));
}

// Where no file says what an address means, it stays, and only an equal name makes it the same
// place.
ProfileLocation ProfileMerger::Moved(const Profile& profile, const ProfileLocation& location,
                                     Renumbering& renumbering) {
  ProfileLocation moved = location;
  for (ProfileLine& line : moved.lines) line.function = renumbering.functions[line.function];
  if (location.mapping < 0) return moved;
  const auto own = static_cast<std::size_t>(location.mapping);
  AddMapping(profile, own, renumbering);
  moved.mapping = renumbering.mappings[own];
  const std::uint64_t distance = mappings_[static_cast<std::uint32_t>(moved.mapping)].start -
                                 profile.mappings[own].start;  // wraps where it is downwards
  moved.address += distance;
  if (moved.entry != 0) moved.entry += distance;
  return moved;
}

}  // namespace limpet
