#include "tools/reader/segment_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "runtime/layout/allocation_slot.h"
#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

class SegmentReader : public ::testing::Test {
 protected:
  absl::StatusOr<SegmentSnapshot> Read() {
    builder_.WriteTo(path_);
    return ReadSegment(path_);
  }

  absl::StatusCode ReadCode() { return Read().status().code(); }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("4242-987654.segment");
  SegmentBuilder builder_;
};

TEST_F(SegmentReader, KeepsEmptyArguments) {
  builder_.ChangeHeader(
      [](SegmentHeader& header) { std::memcpy(header.command_line, "app\0--save\0\0x", 14); });
  const absl::StatusOr<SegmentSnapshot> snapshot = Read();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->command_line, (std::vector<std::string>{"app", "--save", "", "x"}));
}

TEST_F(SegmentReader, ReadsWhatATargetWrote) {
  const std::uint32_t app = builder_.AddModule({.path = "/bin/app",
                                                .start = 0x401000,
                                                .end = 0x402000,
                                                .load_bias = 0x1000,
                                                .file_offset = 0x2000,
                                                .build_id = "\xAB\xCD"});
  const std::uint32_t stack = builder_.AddStack({{0x401234, app}, {0x401500, app, true}});
  builder_.AddSite(stack, {.objects = 2.5, .bytes = 640, .samples = 3});
  builder_.AddAllocation(
      stack,
      {.address = 0x7010, .requested_bytes = 100, .weight = 1.5, .time_ns = 9, .thread_id = 77});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->pid, 4242U);
  EXPECT_EQ(snapshot->executable, "/bin/app");
  EXPECT_EQ(snapshot->command_line, (std::vector<std::string>{"app", "--serve"}));
  ASSERT_EQ(snapshot->modules.size(), 2U);
  EXPECT_EQ(snapshot->modules[app].path, "/bin/app");
  EXPECT_EQ(snapshot->modules[app].build_id, "abcd");
  ASSERT_EQ(snapshot->stacks.at(stack).frames.size(), 2U);
  EXPECT_EQ(snapshot->stacks.at(stack).frames[0].address, 0x401234U);
  EXPECT_EQ(snapshot->stacks.at(stack).frames[0].module, app);
  EXPECT_TRUE(snapshot->stacks.at(stack).frames[1].is_exact);
  ASSERT_EQ(snapshot->sites.size(), 1U);
  EXPECT_EQ(snapshot->sites[0].allocated_objects_weight, kWeightOne * 5 / 2);
  ASSERT_EQ(snapshot->allocations.size(), 1U);
  EXPECT_EQ(snapshot->allocations[0].requested_bytes, 100U);
  EXPECT_EQ(snapshot->allocations[0].thread_id, 77U);
  EXPECT_EQ(snapshot->invalid_slots, 0U);
  EXPECT_EQ(snapshot->counters.front(), std::make_pair(std::string("samples"), std::uint64_t{1}));
}

TEST_F(SegmentReader, ReadsEventsAndTheirStacks) {
  const std::uint32_t stack = builder_.AddStack({{0x401234}});
  builder_.AddEvents(stack, {.kind = EventOf(WaitReason::kMutex), .events = 2.5, .duration_ns = 9});
  builder_.AddEvents(stack, {.events = 3});
  builder_.AddEvents(stack, {.events = 0, .duration_ns = 0});  // claimed, nothing added yet
  builder_.ChangeHeader([](SegmentHeader& header) { header.block_rate_ns = 10'000; });

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->block_rate_ns, 10'000U);
  ASSERT_EQ(snapshot->events.size(), 2U);
  EXPECT_EQ(snapshot->events[0].stack, stack);
  EXPECT_EQ(snapshot->events[0].kind, EventOf(WaitReason::kMutex));
  EXPECT_EQ(snapshot->events[0].weight, kWeightOne * 5 / 2);
  EXPECT_EQ(snapshot->events[0].duration_ns, 9U);
  EXPECT_EQ(snapshot->events[1].kind, EventKind::kThreadCreation);
  EXPECT_EQ(snapshot->stacks.at(stack).frames.size(), 1U);
}

TEST_F(SegmentReader, ReadsReleasesAndTheirStacks) {
  const std::uint32_t stack = builder_.AddStack({{0x401234}});
  builder_.AddRelease(stack, {.object = 0x7f10, .time_ns = 77, .thread_number = 3});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ(snapshot->releases.size(), 1U) << "free entries are none";
  EXPECT_EQ(snapshot->releases[0].object, 0x7f10U);
  EXPECT_EQ(snapshot->releases[0].time_ns, 77U);
  EXPECT_EQ(snapshot->releases[0].stack, stack);
  EXPECT_EQ(snapshot->releases[0].thread_number, 3U);
  EXPECT_EQ(snapshot->stacks.at(stack).frames.size(), 1U);
}

TEST_F(SegmentReader, ReadsTheKnownPrefixOfANewerSegment) {
  builder_.GrowEntries(24);
  builder_.AddUnknownSection();
  const std::uint32_t app = builder_.AddModule({.path = "/bin/app", .start = 1, .end = 2});
  const std::uint32_t stack = builder_.AddStack({{0x1111, app}, {0x2222, app}});
  builder_.AddAllocation(stack, {.requested_bytes = 10});
  builder_.AddAllocation(stack, {.address = 0x8000, .requested_bytes = 20});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ(snapshot->allocations.size(), 2U);
  EXPECT_EQ(snapshot->allocations[1].requested_bytes, 20U);
  EXPECT_EQ(snapshot->stacks.at(stack).frames[1].address, 0x2222U);
}

TEST_F(SegmentReader, SkipsFreeSlotsAndCountsThoseThatAreBeingWrittenForEver) {
  builder_.AddAllocation(0, {.address = 0});
  builder_.AddAllocation(0, {.requested_bytes = 5, .generation = 3});
  builder_.AddAllocation(0, {.requested_bytes = 6, .generation = 4});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ASSERT_EQ(snapshot->allocations.size(), 1U);
  EXPECT_EQ(snapshot->allocations[0].requested_bytes, 6U);
  EXPECT_EQ(snapshot->torn_slots, 1U);
}

TEST_F(SegmentReader, TellsTruncatedAndUnknownStacksApart) {
  const std::uint32_t cut = builder_.AddStack({{0x1111}}, /*is_truncated=*/true);
  builder_.AddSite(cut, {});
  builder_.AddSite(0, {});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->stacks.at(cut).is_truncated);
  EXPECT_EQ(snapshot->stacks.at(cut).frames.size(), 1U);
  EXPECT_TRUE(snapshot->stacks.at(0).frames.empty());
  EXPECT_EQ(snapshot->invalid_slots, 0U);
}

TEST_F(SegmentReader, DoesNotFollowAStackInACircle) {
  const std::uint32_t first = builder_.AddNode(0x1111, 3);
  const std::uint32_t second = builder_.AddNode(0x2222, first);
  builder_.AddSite(second, {});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->stacks.at(second).frames.empty());
  EXPECT_EQ(snapshot->invalid_slots, 1U);
}

TEST_F(SegmentReader, KeepsTheDeepestStackThatATargetWrites) {
  const std::uint32_t deepest = builder_.AddStack(std::vector<FrameSpec>(kMaxStackFrames, {0x11}));
  builder_.AddSite(deepest, {});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->stacks.at(deepest).frames.size(), kMaxStackFrames);
  EXPECT_EQ(snapshot->invalid_slots, 0U);
}

TEST_F(SegmentReader, ShowsAsUnknownWhatRefersBeyondTheSections) {
  const std::uint32_t orphan = builder_.AddNode(0x1111, 1'000'000);
  const std::uint32_t homeless = builder_.AddStack({{0x2222, 500}});
  builder_.AddSite(orphan, {});
  builder_.AddSite(homeless, {});
  builder_.AddSite(0xFFFF'FFFF, {});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_TRUE(snapshot->stacks.at(orphan).frames.empty());
  EXPECT_EQ(snapshot->stacks.at(homeless).frames[0].module, 0U);
  EXPECT_EQ(snapshot->invalid_slots, 2U);
}

TEST_F(SegmentReader, ForgetsModulesThatAreNotReady) {
  const std::uint32_t early =
      builder_.AddModule({.path = "/bin/app", .start = 1, .end = 2, .is_ready = false});
  const std::uint32_t stack = builder_.AddStack({{0x1111, early}});
  builder_.AddSite(stack, {});

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->stacks.at(stack).frames[0].module, 0U);
}

TEST_F(SegmentReader, ReadsOnlyUpToTheCapacityWhateverIsUsed) {
  builder_.AddAllocation(0, {.requested_bytes = 5});
  builder_.ChangeHeader([](SegmentHeader& header) {
    for (SectionEntry& section : header.sections) section.used = UINT64_MAX;
  });

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->allocations.size(), 1U);
}

TEST_F(SegmentReader, SaysThatASegmentNeverBegan) {
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.magic = 0;
    header.state = SegmentState::kBuilding;
  });
  EXPECT_EQ(ReadCode(), absl::StatusCode::kUnavailable);

  std::ofstream(path_, std::ios::trunc).flush();
  EXPECT_EQ(ReadSegment(path_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SegmentReader, NamesBothVersionsWhenItCannotReadOne) {
  builder_.ChangeHeader([](SegmentHeader& header) { header.abi_version = kSegmentVersion + 1; });

  const absl::Status status = Read().status();

  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_NE(std::string(status.message()).find(absl::StrCat("version ", kSegmentVersion + 1)),
            std::string::npos)
      << status;
  EXPECT_NE(std::string(status.message()).find(absl::StrCat("version ", kSegmentVersion)),
            std::string::npos)
      << status;
}

TEST_F(SegmentReader, RefusesWhatIsNoSegment) {
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_EQ(ReadSegment(path_).status().code(), absl::StatusCode::kDataLoss);

  std::ofstream(path_, std::ios::trunc) << "short";
  EXPECT_EQ(ReadSegment(path_).status().code(), absl::StatusCode::kDataLoss);

  EXPECT_EQ(ReadSegment(directory_.path()).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ReadSegment(directory_.File("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SegmentReader, RefusesALinkInPlaceOfASegment) {
  builder_.WriteTo(path_);
  const std::string link = directory_.File("1-1.segment");
  std::filesystem::create_symlink(path_, link);
  EXPECT_FALSE(ReadSegment(link).ok());
}

TEST_F(SegmentReader, RefusesAFileThatIsCutOffAnywhere) {
  builder_.AddAllocation(builder_.AddStack({{0x1111}}), {.requested_bytes = 5});
  builder_.WriteTo(path_);
  const std::uint64_t whole = std::filesystem::file_size(path_);
  for (std::uint64_t bytes = 1; bytes < whole; bytes += 509) {
    std::filesystem::resize_file(path_, bytes);
    EXPECT_EQ(ReadSegment(path_).status().code(), absl::StatusCode::kDataLoss) << bytes;
    builder_.WriteTo(path_);
  }
}

struct Forgery {
  const char* name;
  void (*forge)(SegmentHeader& header);
};

class ForgedSegment : public SegmentReader, public ::testing::WithParamInterface<Forgery> {};

TEST_P(ForgedSegment, IsRefused) {
  builder_.AddAllocation(0, {.requested_bytes = 5});
  builder_.ChangeHeader(GetParam().forge);
  EXPECT_EQ(ReadCode(), absl::StatusCode::kDataLoss);
}

const Forgery kForgeries[] = {
    {"SmallHeader", [](SegmentHeader& header) { header.header_bytes = 8; }},
    {"HugeHeader", [](SegmentHeader& header) { header.header_bytes = UINT32_MAX; }},
    {"HugeSegment", [](SegmentHeader& header) { header.segment_bytes = UINT64_MAX; }},
    {"SmallSegment", [](SegmentHeader& header) { header.segment_bytes = 1; }},
    {"ManySections", [](SegmentHeader& header) { header.section_count = 17; }},
    {"EmptyEntries", [](SegmentHeader& header) { header.sections[1].entry_bytes = 0; }},
    {"ShortEntries", [](SegmentHeader& header) { header.sections[1].entry_bytes = 95; }},
    {"HugeEntries", [](SegmentHeader& header) { header.sections[1].entry_bytes = 1 << 30; }},
    {"OverHeader", [](SegmentHeader& header) { header.sections[2].offset = 64; }},
    {"BehindTheEnd", [](SegmentHeader& header) { header.sections[2].offset = 1 << 30; }},
    {"WrappingOffset", [](SegmentHeader& header) { header.sections[2].offset = UINT64_MAX - 8; }},
    {"HugeCapacity", [](SegmentHeader& header) { header.sections[2].capacity = UINT64_MAX; }},
};

INSTANTIATE_TEST_SUITE_P(All, ForgedSegment, ::testing::ValuesIn(kForgeries),
                         [](const auto& forged) { return std::string(forged.param.name); });

TEST_F(SegmentReader, SurvivesFixedFieldsWithoutAnEnd) {
  builder_.ChangeHeader([](SegmentHeader& header) {
    std::memset(header.executable, 'x', sizeof(header.executable));
    std::memset(header.command_line, 'y', sizeof(header.command_line));
    std::memset(header.dump_directory, 'z', sizeof(header.dump_directory));
  });

  const absl::StatusOr<SegmentSnapshot> snapshot = Read();

  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->executable, std::string(512, 'x'));
  EXPECT_EQ(snapshot->command_line, std::vector<std::string>{std::string(512, 'y')});
}

}  // namespace
}  // namespace limpet
