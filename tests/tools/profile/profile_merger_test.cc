#include "tools/profile/profile_merger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sample_profile.h"
#include "tests/support/sample_threads.h"
#include "tools/profile/stack_group.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

LabelSet Pid(std::int64_t pid) { return {{{kProcessLabel, "app"}}, {{kPidLabel, {pid, ""}}}}; }

// The same program in another process, where the loader put it elsewhere.
Profile Moved(Profile profile, std::uint64_t distance) {
  for (ProfileMapping& mapping : profile.mappings) {
    mapping.start += distance;
    mapping.limit += distance;
  }
  for (ProfileLocation& location : profile.locations) {
    location.address += distance;
    if (location.entry != 0) location.entry += distance;
  }
  return profile;
}

std::int64_t PidOf(const Profile& profile, const ProfileSample& sample) {
  return profile.label_sets.at(static_cast<std::size_t>(sample.labels)).numbers.at("pid").first;
}

TEST(ProfileMerger, KeepsOneProfileAsItIsButForItsLabels) {
  ProfileMerger merger;
  merger.Add(SampleProfile(), Pid(101));
  const Profile merged = merger.Take();
  const Profile own = SampleProfile();
  EXPECT_EQ(merged.name, "heap");
  EXPECT_EQ(merged.period, own.period);
  EXPECT_EQ(merged.time_unix_ns, own.time_unix_ns);
  EXPECT_EQ(merged.drop_frames, own.drop_frames);
  EXPECT_EQ(merged.default_sample_type, own.default_sample_type);
  EXPECT_THAT(merged.sample_types, SizeIs(4));
  EXPECT_THAT(merged.mappings, SizeIs(2));
  EXPECT_EQ(merged.locations[0].address, 0x401134U);
  EXPECT_EQ(merged.locations[0].entry, 0x401100U);
  EXPECT_THAT(merged.samples[0].locations, ElementsAre(0, 1, 2));
  EXPECT_EQ(merged.samples[0].in_use.samples, 2U);
  EXPECT_EQ(PidOf(merged, merged.samples[0]), 101);
  EXPECT_THAT(merged.comments, IsEmpty()) << "they speak of one process";
}

TEST(ProfileMerger, KeepsTheLabelsThatSamplesHave) {
  ProfileMerger merger;
  merger.Add(SampleThreadProfile(), Pid(101));
  merger.Add(SampleThreadProfile(), Pid(102));
  const Profile merged = merger.Take();
  ASSERT_THAT(merged.samples, SizeIs(8));
  EXPECT_THAT(merged.samples[0].values, ElementsAre(2));
  const auto& labels = merged.label_sets.at(static_cast<std::size_t>(merged.samples[1].labels));
  EXPECT_EQ(labels.texts.at("reason"), "sync.Cond.Wait");
  EXPECT_EQ(labels.texts.at("process"), "app");
  EXPECT_EQ(labels.numbers.at("pid").first, 102);
}

TEST(ProfileMerger, TellsOneCallSiteOfTwoProcessesByItsFile) {
  ProfileMerger merger;
  merger.Add(SampleProfile(), Pid(101));
  merger.Add(Moved(SampleProfile(), 0x5000'0000), Pid(102));
  merger.Add(Moved(SampleProfile(), std::uint64_t{0} - 0x1000), Pid(103));
  const Profile merged = merger.Take();
  EXPECT_THAT(merged.mappings, SizeIs(2));
  EXPECT_THAT(merged.functions, SizeIs(5));
  EXPECT_THAT(merged.locations, SizeIs(4));
  ASSERT_THAT(merged.samples, SizeIs(6));
  for (std::size_t index = 0; index < 3; ++index) {
    EXPECT_THAT(merged.samples[index].locations, ElementsAre(0, 1, 2));
    EXPECT_THAT(merged.samples[index].values, ElementsAre(4, 4096, 2, 2048));
    EXPECT_EQ(PidOf(merged, merged.samples[index]), 101 + static_cast<std::int64_t>(index));
  }
}

TEST(ProfileMerger, KeepsOtherBuildsOfAFileApart) {
  Profile other = SampleProfile();
  other.mappings[0].build_id = "ef01";
  ProfileMerger merger;
  merger.Add(SampleProfile(), Pid(101));
  merger.Add(other, Pid(102));
  const Profile merged = merger.Take();
  EXPECT_THAT(merged.mappings, SizeIs(3));
  EXPECT_EQ(merged.mappings[0].build_id, "abcd");
  EXPECT_THAT(merged.locations, SizeIs(7)) << "only that of libz is the same";
}

TEST(ProfileMerger, BelievesAnAddressInNoFileOnlyByItsName) {
  Profile first = SampleProfile();
  first.locations[3].mapping = -1;
  Profile second = Moved(first, 0);
  second.functions[4].name = "js:parse";
  ProfileMerger merger;
  merger.Add(first, Pid(101));
  merger.Add(first, Pid(102));
  merger.Add(second, Pid(103));
  EXPECT_THAT(merger.Take().locations, SizeIs(5));
}

TEST(ProfileMerger, MakesOneSampleOfAStackThroughAFileThatWasLoadedTwice) {
  Profile twice = SampleProfile();
  twice.mappings.push_back(twice.mappings[1]);
  twice.mappings[2].start += 0x10000;
  twice.mappings[2].limit += 0x10000;
  twice.locations.push_back(twice.locations[3]);
  twice.locations[4].mapping = 2;
  twice.locations[4].address += 0x10000;
  twice.samples.push_back({{4}, {10, 100, 3, 30}});
  ProfileMerger merger;
  merger.Add(twice, Pid(101));
  const Profile merged = merger.Take();
  ASSERT_THAT(merged.samples, SizeIs(2));
  EXPECT_THAT(merged.samples[1].values, ElementsAre(11, 1124, 4, 1054));
}

TEST(ProfileMerger, ShowsTheFirstMainExecutableAsTheMainOne) {
  Profile other = SampleProfile();
  std::swap(other.mappings[0], other.mappings[1]);
  for (ProfileLocation& location : other.locations) location.mapping = 1 - location.mapping;
  Profile idle = SampleProfile();
  idle.locations.clear();
  idle.samples.clear();
  idle.mappings = {{.file = "/bin/sh"}};
  ProfileMerger merger;
  merger.Add(idle, Pid(100));
  merger.Add(other, Pid(101));
  merger.Add(idle, Pid(102));
  const Profile merged = merger.Take();
  EXPECT_EQ(merged.mappings[0].file, "/bin/sh");
  EXPECT_THAT(merged.mappings, SizeIs(3));
}

TEST(StackGroup, AddsUpWhatProcessesHaveOnOneStack) {
  Profile small = SampleProfile();
  small.samples[0].values = {1, 1024, 1, 1024};
  small.samples[0].in_use = {.samples = 1, .relative_error = 0.5};
  ProfileMerger merger;
  merger.Add(small, Pid(101));
  merger.Add(SampleProfile(), Pid(102));
  const Profile merged = merger.Take();
  const std::vector<StackGroup> groups = GroupStacks(merged);
  ASSERT_THAT(groups, SizeIs(2));
  EXPECT_THAT(groups[0].total.values, ElementsAre(5, 5120, 3, 3072));
  EXPECT_EQ(groups[0].total.in_use.samples, 3U);
  // sqrt((0.5 x 1024)^2 + (0.07 x 2048)^2) / 3072
  EXPECT_NEAR(groups[0].total.in_use.relative_error, 0.17308, 1e-5);
  EXPECT_EQ(PidOf(merged, *groups[0].parts[0]), 102) << "the larger share first";
  EXPECT_EQ(PidOf(merged, *groups[0].parts[1]), 101);
}

TEST(StackGroup, PutsASumOfManyBeforeALargerOne) {
  Profile profile = SampleProfile();
  profile.samples = {{{3}, {1, 50, 1, 50}}, {{0}, {1, 30, 1, 30}}, {{0}, {1, 30, 1, 30}}};
  const std::vector<StackGroup> groups = GroupStacks(profile);
  EXPECT_THAT(groups[0].total.locations, ElementsAre(0));
  EXPECT_THAT(groups[0].parts, SizeIs(2));
}

TEST(StackGroup, StopsAtTheLargestNumber) {
  Profile profile = SampleProfile();
  profile.samples = {{{3}, {1, INT64_MAX, 1, INT64_MAX}}, {{3}, {1, 1, 1, 1}}};
  EXPECT_THAT(GroupStacks(profile)[0].total.values, ElementsAre(2, INT64_MAX, 2, INT64_MAX));
}

}  // namespace
}  // namespace limpet
