#include "tools/profile/profile_builder.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/profile/allocator_frames.h"
#include "tools/profile/confidence.h"
#include "tools/profile/creation_profile.h"
#include "tools/profile/estimate.h"
#include "tools/profile/location_table.h"
#include "tools/profile/loss.h"
#include "tools/profile/sample_order.h"
#include "tools/profile/stack_frames.h"
#include "tools/profile/thread_lister.h"
#include "tools/profile/wait_profile.h"

namespace limpet {
namespace {

bool IsAllocatorInternal(const NamedFrame& frame, const SegmentSnapshot&) {
  return IsAllocatorFrame(frame);
}

void DescribeValues(const SegmentSnapshot& snapshot, Profile& profile) {
  profile.sample_types = {{"alloc_objects", "count"},
                          {"alloc_space", "bytes"},
                          {"inuse_objects", "count"},
                          {"inuse_space", "bytes"}};
  profile.default_sample_type = ShownFirst(profile.name);
  profile.period_type = {"space", "bytes"};
  const std::uint64_t interval = IntervalOf(snapshot, KindOf(profile.name));
  profile.period = static_cast<std::int64_t>(std::min<std::uint64_t>(interval, INT64_MAX));
  profile.drop_frames = AllocatorFramesPattern();
}

void AddComments(const SegmentSnapshot& snapshot, const ProfileOrigin& origin, Profile& profile) {
  const EstimateKind kind = KindOf(profile.name);
  const std::uint64_t interval = IntervalOf(snapshot, kind);
  const Estimate total = EstimateTotal(snapshot, kind);
  const std::vector<Loss> losses = ListBlockLosses(snapshot);
  std::vector<std::string>& comments = profile.comments;
  comments.push_back(absl::StrFormat("limpet: %s of %s (pid %d)", profile.name, ProgramOf(snapshot),
                                     snapshot.pid));
  if (interval <= 1 && total.allocated.samples == 0) {
    comments.emplace_back("nothing sampled yet");
  } else {
    comments.push_back(RateLine(interval, !losses.empty()));
    comments.push_back(InUseLine(total, interval));
    comments.push_back(AllocatedLine(total, interval));
  }
  if (!origin.coverage.empty()) comments.push_back(origin.coverage);
  for (const Loss& loss : losses) comments.push_back(LossLine(loss));
}

void AddSamples(const std::map<LocationList, Estimate>& estimates, Profile& profile) {
  for (const auto& [locations, estimate] : estimates) {
    const auto& [allocated, in_use] = estimate;
    std::vector<std::int64_t> values = {allocated.Objects(), allocated.Bytes(), in_use.Objects(),
                                        in_use.Bytes()};
    const auto is_zero = [](std::int64_t value) { return value == 0; };
    if (std::all_of(values.begin(), values.end(), is_zero)) continue;
    profile.samples.push_back({.locations = locations,
                               .values = std::move(values),
                               .allocated = {allocated.samples, allocated.BytesError()},
                               .in_use = {in_use.samples, in_use.BytesError()}});
  }
  SortSamples(profile);
}

}  // namespace

absl::StatusOr<Profile> ProfileBuilder::Build(const std::string& name,
                                              const ProfileOrigin& origin) {
  const std::vector<std::string>& known = KnownProfiles();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("unknown profile '%s': choose from %s", name, absl::StrJoin(known, ", ")));
  }
  if (name == kGoroutineProfile) return BuildThreads(origin).profile;
  namer_.NameAll();
  if (name == kThreadCreateProfile) return BuildCreationProfile(snapshot_, namer_, origin);
  if (IsEventProfile(name)) return BuildWaitProfile(name, snapshot_, namer_, origin);
  Profile profile{.name = name, .time_unix_ns = origin.time_unix_ns};
  DescribeValues(snapshot_, profile);
  AddComments(snapshot_, origin, profile);

  LocationTable table(snapshot_, profile);
  std::map<LocationList, Estimate> estimates;  // stacks that trimming made equal become one
  for (const auto& [stack_id, estimate] : EstimateStacks(snapshot_, KindOf(profile.name))) {
    const auto stack = snapshot_.stacks.find(stack_id);
    const StackRecord& record = stack == snapshot_.stacks.end() ? StackRecord{} : stack->second;
    const FrameList frames = ProgramFrames(record, snapshot_, namer_, IsAllocatorInternal);
    estimates[AddLocations(frames, record.is_truncated, table)].Add(estimate);
  }
  AddSamples(estimates, profile);
  return profile;
}

ThreadDump ProfileBuilder::BuildThreads(const ProfileOrigin& origin) {
  namer_.NameAll();
  return ListThreads(snapshot_, namer_, origin);
}

EstimateKind KindOf(const std::string& name) {
  return name == "mmap" ? EstimateKind::kMappings : EstimateKind::kHeap;
}

bool IsEventProfile(const std::string& name) {
  return name == kBlockProfile || name == kWaitProfile || name == kMutexProfile ||
         name == kThreadCreateProfile;
}

std::string ShownFirst(const std::string& name) {
  if (name == kGoroutineProfile || IsEventProfile(name)) return "";
  return name == "allocs" ? "alloc_space" : "inuse_space";
}

const std::vector<std::string>& KnownProfiles() {
  static const auto* const known = new std::vector<std::string>{
      "heap",        "allocs",      "mmap",       kGoroutineProfile,
      kBlockProfile, kMutexProfile, kWaitProfile, kThreadCreateProfile};
  return *known;
}

std::vector<std::string> DefaultProfiles(const SegmentSnapshot& snapshot) {
  std::vector<std::string> names = {"heap", "allocs"};
  const auto is_mapping = [](const SiteRecord& site) { return site.is_mapping; };
  const bool has_mappings = !snapshot.mappings.empty() ||
                            std::any_of(snapshot.sites.begin(), snapshot.sites.end(), is_mapping);
  if (has_mappings) names.emplace_back("mmap");
  if (!snapshot.threads.empty()) names.emplace_back(kGoroutineProfile);
  for (const char* const name : {kBlockProfile, kMutexProfile, kWaitProfile})
    if (HasWaits(name, snapshot)) names.emplace_back(name);
  if (HasCreations(snapshot)) names.emplace_back(kThreadCreateProfile);
  return names;
}

}  // namespace limpet
