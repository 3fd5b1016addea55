#include "tools/store/process_record.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

SegmentSnapshot Started(std::uint64_t ticks, std::int64_t created_s) {
  SegmentSnapshot snapshot;
  snapshot.start_ticks = ticks;
  snapshot.created_unix_ns = static_cast<std::uint64_t>(created_s * kSecond);
  return snapshot;
}

TEST(ProcessRecord, KnowsTheStartFromTheTicksSinceBoot) {
  const BootClock clock{.boot_unix_ns = 1000 * kSecond, .ticks_per_second = 100};
  EXPECT_EQ(StartUnixNs(Started(550, 1010), clock), 1005 * kSecond + kSecond / 2);
  EXPECT_EQ(StartUnixNs(Started(550, 0), clock), 1005 * kSecond + kSecond / 2) << "no segment yet";
}

TEST(ProcessRecord, KeepsTheTimeOfTheSegmentWhenTheTicksAreAnotherBoots) {
  const BootClock clock{.boot_unix_ns = 1000 * kSecond, .ticks_per_second = 100};
  EXPECT_EQ(StartUnixNs(Started(550, 900), clock), 900 * kSecond);
  EXPECT_EQ(StartUnixNs(Started(5'000'000, 1010), clock), 1010 * kSecond);
  EXPECT_EQ(StartUnixNs(Started(UINT64_MAX, 1010), clock), 1010 * kSecond);
}

TEST(ProcessRecord, TakesTheBuildIdOfTheExecutable) {
  SegmentSnapshot snapshot;
  snapshot.executable = "/bin/app";
  snapshot.modules = {
      {}, {.path = "/lib/libc.so.6", .build_id = "11"}, {.path = "/bin/app", .build_id = "abcd"}};
  EXPECT_EQ(RecordOf(snapshot).build_id, "abcd");
}

TEST(ProcessRecord, KnowsItsReasons) {
  EXPECT_EQ(KnownReason(""), "demand");
  EXPECT_EQ(KnownReason("cgroup"), "cgroup");
  EXPECT_EQ(KnownReason("\x1b[2J"), "unknown");
}

}  // namespace
}  // namespace limpet
