// What becomes of the segment of a process that has ended.

#include "tools/watch/watched_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/support/temporary_directory.h"
#include "tools/reader/segment_directory.h"

namespace limpet {
namespace {

constexpr std::uint32_t kNoPid = 9'000'000;  // more than Linux ever gives
constexpr std::uint64_t kAnyKey = 1;

TEST(RemainsOf, ASegmentThatNeverBeganIsLeftBehindOnceNobodyCanBeginIt) {
  const TemporaryDirectory home;
  SegmentEntry entry;
  entry.path = home.File(std::to_string(kNoPid) + "-1.segment");
  entry.name.pid = kNoPid;
  entry.name.start_ticks = 1;
  const int maker = open(entry.path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_EQ(ftruncate(maker, 1 << 20), 0);
  EXPECT_EQ(RemainsOf(entry, kAnyKey), Remains::kNone) << "it may be another container's";
  close(maker);
  EXPECT_EQ(RemainsOf(entry, kAnyKey), Remains::kLeftBehind);
}

}  // namespace
}  // namespace limpet
