// What becomes of the segment of a process that has ended.

#include "tools/watch/watched_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>

#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/reader/segment_directory.h"

namespace limpet {
namespace {

constexpr std::uint32_t kNoPid = 9'000'000;  // more than Linux ever gives
constexpr std::uint64_t kAnyKey = 1;

// What an ended process of this key leaves, in the way that `change` says.
Remains RemainsWith(const std::function<void(SegmentHeader&)>& change) {
  const TemporaryDirectory home;
  SegmentBuilder builder;
  builder.ChangeHeader([&](SegmentHeader& header) {
    header.pid = kNoPid;
    header.watch_key = kAnyKey;
    change(header);
  });
  const std::string path = home.File(std::to_string(kNoPid) + "-1.segment");
  builder.WriteTo(path);
  return RemainsOf({.path = path, .name = {.pid = kNoPid, .start_ticks = 1}}, kAnyKey);
}

Remains RemainsOfExited(std::uint32_t asked, std::uint32_t answered, std::uint32_t done = 0) {
  return RemainsWith([&](SegmentHeader& header) {
    header.state = SegmentState::kExited;
    header.dump_requests = asked;
    header.watch_state.answered_requests = answered;
    header.watch_state.has_last_profile = done;
  });
}

TEST(RemainsOf, OneThatEndedByItselfIsWhatItAskedFor) {
  EXPECT_EQ(RemainsOfExited(0, 0), Remains::kLeftBehind);
  EXPECT_EQ(RemainsOfExited(2, 1), Remains::kRequest);
  EXPECT_EQ(RemainsOfExited(2, 2), Remains::kLeftBehind) << "answered";
  EXPECT_EQ(RemainsOfExited(2, 1, 1), Remains::kLeftBehind) << "its last profile is written";
}

TEST(RemainsOf, OneThatWasKilledIsEvidenceUntilItsLastProfileIsWritten) {
  EXPECT_EQ(RemainsWith([](SegmentHeader&) {}), Remains::kEvidence);
  EXPECT_EQ(RemainsWith([](SegmentHeader& header) { header.watch_state.has_last_profile = 1; }),
            Remains::kNone);
  EXPECT_EQ(RemainsWith([](SegmentHeader& header) { header.watch_key = kAnyKey + 1; }),
            Remains::kNone)
      << "another companion's";
}

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
