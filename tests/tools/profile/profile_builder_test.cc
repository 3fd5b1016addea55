#include "tools/profile/profile_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "runtime/layout/allocation_slot.h"
#include "tests/support/fake_symbolizer.h"

namespace limpet {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kBias = 0x400000;
constexpr std::uint32_t kApp = 1;
constexpr std::uint32_t kLibc = 2;

class FakeJitNames : public JitNames {
 public:
  std::string NameAt(std::uint64_t address) const override {
    return address == 0x5000'0000 - 1 ? "js:parse" : "";
  }
};

class Builder : public ::testing::Test {
 protected:
  Builder() {
    snapshot_.executable = "/bin/app";
    snapshot_.pid = 4242;
    snapshot_.sample_interval_bytes = 524288;
    snapshot_.counters = {{"samples", 2}};
    snapshot_.modules = {{},
                         {0x401000, 0x409000, kBias, 0x1000, "/bin/app", "abcd"},
                         {0x7f0000, 0x7f9000, 0x7f0000, 0, "/lib/libc.so.6", "1234"}};
    Name(kApp, 0x401100, "grow()");
    Name(kApp, 0x401200, "serve()");
    Name(kApp, 0x401300, "main");
    Name(kLibc, 0x7f0100, "malloc");
    Name(kLibc, 0x7f0200, "operator new(unsigned long)");
  }

  // By the return address.
  void Name(std::uint32_t module, std::uint64_t address, const std::string& name) {
    const ModuleRecord& record = snapshot_.modules[module];
    symbolizer_.Add(record.path, address - 1 - record.load_bias, {{.name = name}});
  }

  void AddStack(std::uint32_t id, std::vector<FrameRecord> frames) {
    snapshot_.stacks[id].frames = std::move(frames);
  }

  void AddSite(std::uint32_t stack, std::uint64_t weight, std::uint64_t bytes) {
    snapshot_.sites.push_back(
        {.stack = stack, .allocated_objects_weight = weight, .allocated_bytes = bytes});
  }

  void AddBlock(std::uint32_t stack, std::uint64_t bytes, std::uint64_t weight) {
    snapshot_.allocations.push_back(
        {.address = 0x10, .requested_bytes = bytes, .weight = weight, .stack = stack});
  }

  Profile Build(const std::string& name = "heap") {
    ProfileBuilder builder(snapshot_, symbolizer_, &jit_names_);
    absl::StatusOr<Profile> profile =
        builder.Build(name, {.time_unix_ns = 7, .coverage = "coverage: all"});
    EXPECT_TRUE(profile.ok()) << profile.status();
    return *std::move(profile);
  }

  // Names leaf first, inlined ones too.
  static std::vector<std::string> Names(const Profile& profile, std::size_t sample) {
    std::vector<std::string> names;
    for (std::uint32_t location : profile.samples.at(sample).locations) {
      for (const ProfileLine& line : profile.locations[location].lines) {
        names.push_back(profile.functions[line.function].name);
      }
    }
    return names;
  }

  SegmentSnapshot snapshot_;
  FakeSymbolizer symbolizer_;
  FakeJitNames jit_names_;
};

TEST_F(Builder, DescribesAHeapProfileAsGoDoes) {
  const Profile heap = Build("heap");
  ASSERT_EQ(heap.sample_types.size(), 4U);
  EXPECT_EQ(heap.sample_types[0].type, "alloc_objects");
  EXPECT_EQ(heap.sample_types[1].type, "alloc_space");
  EXPECT_EQ(heap.sample_types[2].type, "inuse_objects");
  EXPECT_EQ(heap.sample_types[3].type, "inuse_space");
  EXPECT_EQ(heap.sample_types[3].unit, "bytes");
  EXPECT_EQ(heap.period_type.type, "space");
  EXPECT_EQ(heap.period, 524288);
  EXPECT_EQ(heap.time_unix_ns, 7);
  EXPECT_EQ(heap.duration_ns, 0);
  EXPECT_EQ(heap.default_sample_type, "inuse_space");
  EXPECT_EQ(Build("allocs").default_sample_type, "alloc_space");
  EXPECT_EQ(Build("mmap").default_sample_type, "inuse_space");
}

TEST_F(Builder, AddsUpFinalValuesAndRoundsObjectsOnce) {
  AddStack(5, {{0x401100, kApp}, {0x401300, kApp}});
  AddSite(5, 7 * kWeightOne / 2, 350);
  AddBlock(5, 100, kWeightOne * 5 / 4);
  AddBlock(5, 100, kWeightOne * 5 / 4);

  const Profile heap = Build();

  ASSERT_EQ(heap.samples.size(), 1U);
  EXPECT_THAT(heap.samples[0].values, ElementsAre(4, 350, 3, 250));
  EXPECT_THAT(Names(heap, 0), ElementsAre("grow()", "main"));
  EXPECT_EQ(heap.samples[0].labels, -1);
}

TEST_F(Builder, LooksUpCallsAndNotReturnAddresses) {
  AddStack(5, {{0x401100, kApp, true}, {0x401300, kApp, false}});
  AddSite(5, kWeightOne, 10);
  symbolizer_.Add("/bin/app", 0x401100 - kBias, {{.name = "interrupted()"}});

  const Profile heap = Build();

  EXPECT_THAT(Names(heap, 0), ElementsAre("interrupted()", "main"));
  EXPECT_EQ(heap.locations[heap.samples[0].locations[0]].address, 0x401100U);
  EXPECT_EQ(heap.locations[heap.samples[0].locations[1]].address, 0x4012FFU);
}

TEST_F(Builder, MergesStacksOfEqualContent) {
  AddStack(5, {{0x401100, kApp}, {0x401300, kApp}});
  AddStack(9, {{0x7f0100, kLibc}, {0x401100, kApp}, {0x401300, kApp}});
  AddSite(5, kWeightOne, 10);
  AddSite(9, kWeightOne, 20);

  const Profile heap = Build();

  ASSERT_EQ(heap.samples.size(), 1U);
  EXPECT_THAT(heap.samples[0].values, ElementsAre(2, 30, 0, 0));
}

TEST_F(Builder, ShowsTheProgramAndNotTheAllocator) {
  snapshot_.modules.push_back({0x100, 0x200, 0, 0, "/opt/liblimpet.so", ""});
  AddStack(5, {{0x150, 3}, {0x7f0100, kLibc}, {0x7f0200, kLibc}, {0x401100, kApp}});
  AddStack(6, {{0x7f0100, kLibc}});
  AddSite(5, kWeightOne, 20);
  AddSite(6, kWeightOne, 10);

  const Profile heap = Build();

  ASSERT_EQ(heap.samples.size(), 2U);
  EXPECT_THAT(Names(heap, 0), ElementsAre("grow()"));
  EXPECT_THAT(Names(heap, 1), ElementsAre("malloc")) << "the last frame stays";
}

TEST_F(Builder, HidesWhereTheTracerStartsAThread) {
  snapshot_.modules.push_back({0x100, 0x200, 0, 0, "/opt/liblimpet.so", ""});
  AddStack(5, {{0x401100, kApp}, {0x150, 3}, {0x401300, kApp}});
  AddSite(5, kWeightOne, 20);
  EXPECT_THAT(Names(Build(), 0), ElementsAre("grow()", "main"));
}

TEST_F(Builder, KeepsAllocatorFramesThatAreNotLeaves) {
  AddStack(5, {{0x401100, kApp}, {0x7f0100, kLibc}, {0x401300, kApp}});
  AddSite(5, kWeightOne, 10);
  EXPECT_THAT(Names(Build(), 0), ElementsAre("grow()", "malloc", "main"));
}

TEST_F(Builder, NamesFramesWithoutASymbolByFileAndAddress) {
  AddStack(5, {{0x401801, kApp}, {0x401300, kApp}});
  AddSite(5, kWeightOne, 10);
  EXPECT_THAT(Names(Build(), 0), ElementsAre("app+0x1800", "main"));
}

TEST_F(Builder, NamesFramesOfNoModuleByTheJitMapOrAddress) {
  AddStack(5, {{0x5000'0000, 0}, {0x6000'0001, 0}});
  AddSite(5, kWeightOne, 10);

  const Profile heap = Build();

  EXPECT_THAT(Names(heap, 0), ElementsAre("js:parse", "[jit]+0x60000000"));
  EXPECT_EQ(heap.locations[0].mapping, -1);
}

TEST_F(Builder, SaysThatAStackIsTruncatedOrUnknown) {
  AddStack(5, {{0x401100, kApp}});
  snapshot_.stacks[5].is_truncated = true;
  AddStack(0, {});
  AddSite(5, kWeightOne, 20);
  AddSite(0, kWeightOne, 10);

  const Profile heap = Build();

  ASSERT_EQ(heap.samples.size(), 2U);
  EXPECT_THAT(Names(heap, 0), ElementsAre("grow()", "[truncated]"));
  EXPECT_THAT(Names(heap, 1), ElementsAre("[unknown stack]"));
}

TEST_F(Builder, KeepsInlinedFunctionsInOneLocation) {
  AddStack(5, {{0x401100, kApp}});
  AddSite(5, kWeightOne, 10);
  symbolizer_.Add("/bin/app", 0x401100 - 1 - kBias,
                  {{.name = "inner", .file = "a.h", .line = 3},
                   {.name = "outer", .file = "a.cc", .line = 9, .start_line = 5, .entry = 0x10F0}});

  const Profile heap = Build();

  ASSERT_EQ(heap.samples[0].locations.size(), 1U);
  const ProfileLocation& location = heap.locations[heap.samples[0].locations[0]];
  EXPECT_THAT(Names(heap, 0), ElementsAre("inner", "outer"));
  EXPECT_EQ(location.lines[1].line, 9);
  EXPECT_EQ(location.entry, kBias + 0x10F0);
  EXPECT_EQ(heap.functions[location.lines[1].function].start_line, 5);
}

TEST_F(Builder, ListsTheExecutableFirstAndOnlyUsedModules) {
  AddStack(5, {{0x7f0300, kLibc}});
  AddSite(5, kWeightOne, 10);
  std::swap(snapshot_.modules[1], snapshot_.modules[2]);
  snapshot_.stacks[5].frames[0].module = 1;
  snapshot_.modules.push_back({0x1, 0x2, 0, 0, "/lib/unused.so", ""});

  const Profile heap = Build();

  ASSERT_EQ(heap.mappings.size(), 2U);
  EXPECT_EQ(heap.mappings[0].file, "/bin/app");
  EXPECT_EQ(heap.mappings[0].build_id, "abcd");
  EXPECT_EQ(heap.mappings[1].file, "/lib/libc.so.6");
  EXPECT_TRUE(heap.mappings[1].has_functions);
}

TEST_F(Builder, MakesAValidProfileOfNothing) {
  snapshot_ = {};
  snapshot_.executable = "/bin/app";
  snapshot_.modules.resize(1);

  const Profile heap = Build();

  EXPECT_THAT(heap.samples, IsEmpty());
  ASSERT_EQ(heap.mappings.size(), 1U);
  EXPECT_EQ(heap.mappings[0].file, "/bin/app");
  EXPECT_THAT(heap.comments, Contains(HasSubstr("nothing sampled yet")));
}

TEST_F(Builder, TellsIntervalSamplesAndErrorOfItsTotals) {
  snapshot_.sites = {{5, false, 12 * kWeightOne, 6000, 4}};
  AddBlock(5, 500, 3 * kWeightOne);
  AddBlock(5, 500, 3 * kWeightOne);

  const Profile heap = Build();

  EXPECT_THAT(heap.comments, Contains("one sample per 524288 bytes; values are estimates of the "
                                      "whole, \u00b1 their standard error"));
  EXPECT_THAT(heap.comments, Contains(AllOf(HasSubstr("in use: 2.9 KiB \u00b1 58 % (95 %: "),
                                            HasSubstr("6 objects \u00b1 58 %; 2 samples"))));
  EXPECT_THAT(heap.comments, Contains(HasSubstr("12 objects \u00b1 41 % or more; 4 samples")));
}

TEST_F(Builder, SaysWhatEachValueRestsOn) {
  AddStack(5, {{0x401100, kApp}});
  snapshot_.sites = {{5, false, 12 * kWeightOne, 6000, 4}};
  AddBlock(5, 500, 3 * kWeightOne);
  AddBlock(5, 500, 3 * kWeightOne);

  const ProfileSample sample = Build().samples.at(0);

  EXPECT_EQ(sample.allocated.samples, 4U);
  EXPECT_EQ(sample.in_use.samples, 2U);
  EXPECT_NEAR(sample.in_use.relative_error, std::sqrt(2 * 500 * 500 * 6) / 3000, 1e-9);
}

TEST_F(Builder, SaysThatWhatIsRecordedWholeIsExact) {
  snapshot_.sample_interval_bytes = 1;
  snapshot_.sites = {{5, false, kWeightOne, 100, 1}, {5, true, kWeightOne, 4096, 1}};
  AddBlock(5, 100, kWeightOne);
  EXPECT_THAT(Build().comments, Contains("each one recorded; values are exact"));
  EXPECT_THAT(Build().comments, Contains("in use: 100 B, 1 object; exact"));

  snapshot_.counters = {{"dropped_reentrant", 1}};
  EXPECT_THAT(Build().comments,
              Contains("each one recorded; values are exact but for the losses below"));

  snapshot_.sample_interval_bytes = 524288;
  const Profile mmap = Build("mmap");
  EXPECT_EQ(mmap.period, 1) << "mappings are never sampled";
  EXPECT_THAT(mmap.comments, Contains("allocated: 4.0 KiB, 1 object; exact"));
}

TEST_F(Builder, TellsEveryLossAndNoSecret) {
  snapshot_.command_line = {"app", "--password=hunter2"};
  snapshot_.counters = {{"samples", 9}, {"truncated_stacks", 3}, {"dropped_reentrant", 0}};
  snapshot_.torn_slots = 2;

  const Profile heap = Build();

  EXPECT_THAT(heap.comments, Contains(HasSubstr("truncated_stacks 3:")));
  EXPECT_THAT(heap.comments, Contains(HasSubstr("torn_slots 2:")));
  EXPECT_THAT(heap.comments, Contains("coverage: all"));
  EXPECT_THAT(heap.comments, Not(Contains(HasSubstr("dropped_reentrant"))));
  EXPECT_THAT(heap.comments, Not(Contains(HasSubstr("hunter2"))));
}

TEST_F(Builder, KeepsMappingsApartFromTheHeap) {
  AddStack(5, {{0x401100, kApp}});
  snapshot_.sites = {{5, false, kWeightOne, 10, 1}, {5, true, kWeightOne, 4096, 1}};
  snapshot_.mappings = {{0x7000, 4096, kWeightOne, 0, 5, 0}};

  EXPECT_THAT(DefaultProfiles(snapshot_), ElementsAre("heap", "allocs", "mmap"));
  EXPECT_THAT(Build("heap").samples[0].values, ElementsAre(1, 10, 0, 0));
  EXPECT_THAT(Build("mmap").samples[0].values, ElementsAre(1, 4096, 1, 4096));

  snapshot_.sites.pop_back();
  snapshot_.mappings.clear();
  EXPECT_THAT(DefaultProfiles(snapshot_), ElementsAre("heap", "allocs"));
}

TEST_F(Builder, SortsByBytesInUseThenAllocated) {
  AddStack(5, {{0x401100, kApp}});
  AddStack(6, {{0x401200, kApp}});
  AddStack(7, {{0x401300, kApp}});
  AddSite(5, kWeightOne, 10);
  AddSite(6, kWeightOne, 30);
  AddSite(7, kWeightOne, 20);
  AddBlock(7, 20, kWeightOne);

  const Profile heap = Build();

  EXPECT_THAT(Names(heap, 0), ElementsAre("main"));
  EXPECT_THAT(Names(heap, 1), ElementsAre("serve()"));
  EXPECT_THAT(Names(heap, 2), ElementsAre("grow()"));
}

TEST_F(Builder, StopsAtTheLargestValueInsteadOfWrapping) {
  AddStack(5, {{0x401100, kApp}});
  AddSite(5, UINT64_MAX, UINT64_MAX);
  AddSite(5, UINT64_MAX, UINT64_MAX);
  AddBlock(5, UINT64_MAX, UINT64_MAX);

  const Profile heap = Build();
  for (std::int64_t value : heap.samples.at(0).values) EXPECT_GT(value, 0);
}

TEST_F(Builder, NamesEachFrameOnceForAllProfiles) {
  AddStack(5, {{0x401100, kApp}, {0x401300, kApp}});
  AddStack(6, {{0x401200, kApp}, {0x401300, kApp}});
  AddSite(5, kWeightOne, 10);
  AddSite(6, kWeightOne, 10);
  ProfileBuilder builder(snapshot_, symbolizer_, nullptr);
  ASSERT_TRUE(builder.Build("heap", {}).ok());
  ASSERT_TRUE(builder.Build("allocs", {}).ok());
  EXPECT_EQ(symbolizer_.resolved, 3);
}

TEST_F(Builder, RefusesAnUnknownProfileByName) {
  ProfileBuilder builder(snapshot_, symbolizer_, nullptr);
  const absl::Status status = builder.Build("profile", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("heap, allocs, mmap"));
}

TEST_F(Builder, GivesPprofAPatternOfTheAllocatorsFrames) {
  const std::regex pattern("^(" + Build().drop_frames + ")$");
  for (const char* name : {"malloc", "operator new", "operator new[]", "mmap64"}) {
    EXPECT_TRUE(std::regex_match(name, pattern)) << name;
  }
  EXPECT_FALSE(std::regex_match("my_malloc", pattern));
}

}  // namespace
}  // namespace limpet
