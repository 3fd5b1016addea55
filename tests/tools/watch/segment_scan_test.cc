#include "tools/watch/segment_scan.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(SegmentScan, IsDueAtOnceAndThenAfterAPause) {
  const TemporaryDirectory home;
  SegmentScan scan(home.path());
  ASSERT_TRUE(scan.IsDue(1000 * kMs));
  EXPECT_TRUE(scan.List(1000 * kMs).empty());
  EXPECT_FALSE(scan.IsAsked());
  scan.Ask();
  EXPECT_FALSE(scan.IsDue(1049 * kMs));
  EXPECT_TRUE(scan.IsDue(1050 * kMs));
}

TEST(SegmentScan, HearsOfANewSegment) {
  const TemporaryDirectory home;
  SegmentScan scan(home.path());
  scan.List(0);
  std::ofstream(home.File("42-7.segment")) << "x";
  pollfd changes = {scan.descriptor(), POLLIN, 0};
  ASSERT_EQ(poll(&changes, 1, 10'000), 1);
  scan.NoteChanges();
  EXPECT_TRUE(scan.IsAsked());
  ASSERT_EQ(scan.List(0).size(), 1U);
  EXPECT_EQ(poll(&changes, 1, 0), 0) << "it has been taken note of";
}

TEST(SegmentScan, IsAskedForNowAndThenAnyway) {
  const TemporaryDirectory home;
  SegmentScan scan(home.path());
  scan.List(0);
  scan.AskIfLate(9000 * kMs);
  EXPECT_FALSE(scan.IsAsked());
  scan.AskIfLate(11'000 * kMs);
  EXPECT_TRUE(scan.IsAsked());
}

TEST(SegmentScan, ListsAtEachLookWhereNobodyTells) {
  const TemporaryDirectory home;
  SegmentScan scan(home.File("later"));
  EXPECT_EQ(scan.descriptor(), -1);
  scan.List(0);
  scan.AskIfLate(1000 * kMs);
  EXPECT_TRUE(scan.IsAsked());
}

}  // namespace
}  // namespace limpet
