#include "tools/reader/segment_copy.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

class SegmentCopy : public ::testing::Test {
 protected:
  // Into memory, holes as zeros.
  absl::Status Copy(const CopyMoment& moment = {}) {
    copied_.clear();
    largest_write_ = 0;
    written_bytes_ = 0;
    const SegmentSink sink{.set_bytes =
                               [this](std::uint64_t bytes) {
                                 copied_.resize(bytes);
                                 return absl::OkStatus();
                               },
                           .write_at =
                               [this](std::uint64_t offset, absl::string_view bytes) {
                                 copied_.replace(offset, bytes.size(), bytes.data(), bytes.size());
                                 largest_write_ = std::max(largest_write_, bytes.size());
                                 written_bytes_ += bytes.size();
                                 return absl::OkStatus();
                               }};
    builder_.WriteTo(path_);
    return CopySegment(path_, moment, sink);
  }

  absl::StatusOr<SegmentSnapshot> ReadCopy() {
    const std::string path = directory_.File("copy");
    std::ofstream(path, std::ios::binary) << copied_;
    return ReadSegment(path);
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("4242-987654.segment");
  SegmentBuilder builder_;
  std::string copied_;
  std::size_t largest_write_ = 0;
  std::size_t written_bytes_ = 0;
};

TEST_F(SegmentCopy, IsReadAsItsOriginal) {
  builder_.GrowEntries(24);
  builder_.AddUnknownSection();
  const std::uint32_t app = builder_.AddModule({.path = "/bin/app", .start = 1, .end = 2});
  const std::uint32_t stack = builder_.AddStack({{0x1111, app}, {0x2222, app}});
  builder_.AddSite(stack, {.objects = 3, .bytes = 30});
  for (std::uint64_t block = 1; block <= 5000; ++block) {
    builder_.AddAllocation(stack, {.address = block, .requested_bytes = 10});
  }
  builder_.AddAllocation(stack, {.requested_bytes = 4096, .is_mapping = true});

  ASSERT_TRUE(Copy().ok());

  EXPECT_EQ(copied_, builder_.Build());
  EXPECT_LE(largest_write_, std::size_t{128} << 10);
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadCopy();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->allocations.size(), 5000U);
  EXPECT_EQ(snapshot->state, static_cast<std::uint32_t>(SegmentState::kLive));
}

TEST_F(SegmentCopy, SaysWhenItWasMade) {
  ASSERT_TRUE(Copy({.unix_ns = 7, .monotonic_ns = 9}).ok());
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadCopy();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->copied_unix_ns, 7U);
  EXPECT_EQ(snapshot->copied_monotonic_ns, 9U);
}

TEST_F(SegmentCopy, SaysSoAlsoWhereAnOlderTargetHadNoFieldForIt) {
  builder_.ChangeHeader(
      [](SegmentHeader& header) { header.header_bytes = offsetof(SegmentHeader, watch_settings); });
  ASSERT_TRUE(Copy({.unix_ns = 7, .monotonic_ns = 9}).ok());
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadCopy();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->copied_unix_ns, 7U);
}

TEST_F(SegmentCopy, KeepsWhatLiesRightBehindAnOlderHeader) {
  builder_.AddUnknownSection();
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.header_bytes = offsetof(SegmentHeader, watch_settings);
    header.sections[0].offset = header.header_bytes;
    header.watch_settings.dump_interval_ns = 0x1122334455667788;  // are entries of that section
    header.watch_settings.max_dumps = 77;
  });
  ASSERT_TRUE(Copy({.unix_ns = 7, .monotonic_ns = 9}).ok());
  const std::size_t page = kSegmentPageBytes;
  EXPECT_TRUE(copied_.substr(0, page) == builder_.Build().substr(0, page));
}

TEST_F(SegmentCopy, KeepsATornSlotTorn) {
  builder_.AddAllocation(0, {.requested_bytes = 5, .generation = 3});
  builder_.AddAllocation(0, {.address = 0x8000, .requested_bytes = 6});
  ASSERT_TRUE(Copy().ok());
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadCopy();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->allocations.size(), 1U);
  EXPECT_EQ(snapshot->torn_slots, 1U);
}

TEST_F(SegmentCopy, WritesOnlyWhatIsUsed) {
  for (int block = 0; block < 30'000; ++block)
    builder_.AddAllocation(0, {.address = 0, .weight = 0, .generation = 0});
  ASSERT_TRUE(Copy().ok());
  EXPECT_LT(written_bytes_, std::size_t{64} << 10);
  EXPECT_EQ(copied_.size(), builder_.Build().size());
}

TEST_F(SegmentCopy, RefusesWhatTheReaderRefuses) {
  builder_.ChangeHeader([](SegmentHeader& header) { header.abi_version = kSegmentVersion + 1; });
  EXPECT_TRUE(absl::IsUnimplemented(Copy()));
  builder_.ChangeHeader([](SegmentHeader& header) { header.sections[2].offset = 1U << 30; });
  EXPECT_TRUE(absl::IsDataLoss(Copy()));
  builder_.ChangeHeader([](SegmentHeader& header) { header.state = SegmentState::kBuilding; });
  EXPECT_TRUE(absl::IsUnavailable(Copy()));
}

TEST_F(SegmentCopy, EndsWhenItsSinkDoes) {
  builder_.WriteTo(path_);
  const SegmentSink full{
      .set_bytes = [](std::uint64_t) { return absl::OkStatus(); },
      .write_at = [](std::uint64_t,
                     absl::string_view) { return absl::ResourceExhaustedError("full"); }};
  EXPECT_TRUE(absl::IsResourceExhausted(CopySegment(path_, {}, full)));
}

TEST_F(SegmentCopy, HeaderAloneSaysWhoItIs) {
  builder_.AddAllocation(0, {.requested_bytes = 5});
  builder_.WriteTo(path_);
  const absl::StatusOr<SegmentSnapshot> snapshot = ReadSegmentHeader(path_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->pid, 4242U);
  EXPECT_EQ(snapshot->executable, "/bin/app");
  EXPECT_TRUE(snapshot->allocations.empty());
}

}  // namespace
}  // namespace limpet
