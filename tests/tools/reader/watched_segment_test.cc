#include <gtest/gtest.h>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/in_use.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_reader.h"

namespace limpet {
namespace {

class WatchedSegment : public ::testing::Test {
 protected:
  void Write() { builder_.WriteTo(path_); }

  std::uint64_t InUse() const {
    const absl::StatusOr<SegmentFile> file = SegmentFile::Open(path_);
    SegmentHeader header;
    EXPECT_TRUE(ReadHeader(*file, header).ok());
    return ReadInUseBytes(*file, header).value_or(UINT64_MAX);
  }

  WatchRecord Watch() const { return ReadSegment(path_)->watch; }

  TemporaryDirectory directory_;
  std::string path_ = directory_.File("4242-987654.segment");
  SegmentBuilder builder_;
};

TEST_F(WatchedSegment, SaysWhatIsInUse) {
  const std::uint32_t stack = builder_.AddStack({{0x401234, 0}});
  builder_.AddAllocation(stack, {.address = 0x7000, .requested_bytes = 100, .weight = 2.5});
  builder_.AddAllocation(stack, {.address = 0x8000, .requested_bytes = 50});
  builder_.AddAllocation(stack, {.address = 0, .requested_bytes = 1000});
  builder_.AddAllocation(stack, {.address = 0x9000, .requested_bytes = 1000, .generation = 3});
  Write();
  EXPECT_EQ(InUse(), 300u);
}

TEST_F(WatchedSegment, ReadsManySlotsInPieces) {
  const std::uint32_t stack = builder_.AddStack({{0x401234, 0}});
  for (std::uint64_t block = 1; block <= 10'000; ++block) {
    builder_.AddAllocation(stack, {.address = 16 * block, .requested_bytes = block});
  }
  Write();
  EXPECT_EQ(InUse(), 10'000u * 10'001 / 2);
}

TEST_F(WatchedSegment, OfAnOlderTargetAsksForNothing) {
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.header_bytes = offsetof(SegmentHeader, watch_settings);
    header.watch_settings.dump_interval_ns = 1;  // whatever lies there is none of it
  });
  Write();
  EXPECT_EQ(Watch().settings.dump_interval_ns, 0u);
}

}  // namespace
}  // namespace limpet
