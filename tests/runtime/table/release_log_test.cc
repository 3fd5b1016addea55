#include "runtime/table/release_log.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;
using Moments = std::vector<std::pair<std::uint64_t, std::uint32_t>>;  // time, stack
constexpr std::uint64_t kForEver = ~std::uint64_t{0};

class ReleaseLogTest : public testing::Test {
 protected:
  ReleaseLogTest() : segment_(test::MakeSegment(2 * kMiB)) { log_.Attach(segment_.get()); }

  void Note(std::uint64_t object, std::uint64_t time_ns, std::uint32_t stack) {
    log_.Note(object, {.time_ns = time_ns, .stack = StackId{stack}, .thread_number = stack + 1});
  }
  Moments Since(std::uint64_t object, std::uint64_t from_ns,
                std::uint64_t until_ns = kForEver) const {
    Release found[kKeptReleases];
    const std::uint32_t count = log_.Between(from_ns, until_ns, object, found);
    Moments moments;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto stack = static_cast<std::uint32_t>(found[i].stack);
      EXPECT_EQ(found[i].thread_number, stack + 1);
      moments.emplace_back(found[i].time_ns, stack);
    }
    return moments;
  }

  std::unique_ptr<SegmentWriter> segment_;
  ReleaseLog log_;
};

constexpr std::uint64_t kLock = 0x7f00'1000, kOther = 0x7f00'2000;

TEST_F(ReleaseLogTest, TellsThoseOfAnObjectOldestFirst) {
  Note(kLock, 10, 5);
  Note(kOther, 15, 6);
  Note(kLock, 20, 7);
  EXPECT_EQ(Since(kLock, 0), (Moments{{10, 5}, {20, 7}}));
  EXPECT_EQ(Since(kOther, 0), (Moments{{15, 6}}));
  EXPECT_EQ(Since(0x1234, 0), Moments{});
}

TEST_F(ReleaseLogTest, LeavesOutThoseThatWereBefore) {
  for (std::uint32_t i = 1; i <= 5; ++i) Note(kLock, i * 10, i);
  EXPECT_EQ(Since(kLock, 30), (Moments{{40, 4}, {50, 5}}));
  EXPECT_EQ(Since(kLock, 50), Moments{});
  EXPECT_EQ(Since(kLock, 10, 30), (Moments{{20, 2}, {30, 3}})) << "later ones were not waited for";
}

// Two that come to one place in the other order than their clocks say.
TEST_F(ReleaseLogTest, PutsThemInOrderOfTime) {
  Note(kLock, 20, 2);
  Note(kLock, 10, 1);
  Note(kLock, 30, 3);
  EXPECT_EQ(Since(kLock, 0), (Moments{{10, 1}, {20, 2}, {30, 3}}));
}

TEST_F(ReleaseLogTest, KeepsTheLatest) {
  for (std::uint32_t i = 1; i <= 3 * kKeptReleases; ++i) Note(kLock, i, i);
  const Moments moments = Since(kLock, 0);
  ASSERT_EQ(moments.size(), kKeptReleases);
  EXPECT_EQ(moments.front().first, 2 * kKeptReleases + 1);
  EXPECT_EQ(moments.back().first, 3 * kKeptReleases);
}

// More objects than slots: some share one, and none is told another's.
TEST_F(ReleaseLogTest, NeverTakesOneObjectForAnother) {
  const std::uint64_t many = 4 * test::Capacity(*segment_, SectionKind::kReleases);
  for (std::uint64_t object = 1; object <= many; ++object)
    Note(object * 64, object, static_cast<std::uint32_t>(object));
  for (std::uint64_t object = 1; object <= many; ++object) {
    for (const auto& [time_ns, stack] : Since(object * 64, 0)) {
      EXPECT_EQ(time_ns, object);
      EXPECT_EQ(stack, object);
    }
  }
}

// Stack and thread of an entry belong together, and to its object, whoever writes meanwhile.
TEST_F(ReleaseLogTest, TellsWholeEntriesWhileThreadsWrite) {
  test::InParallel(4, [this](int thread) {
    const std::uint64_t object = thread % 2 == 0 ? kLock : kOther;
    for (std::uint32_t i = 1; i <= 20'000; ++i) Note(object, i, i % 1000);
    EXPECT_LE(Since(object, 0).size(), kKeptReleases);
  });
}

}  // namespace
}  // namespace limpet
