#include "runtime/table/event_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "runtime/layout/allocation_slot.h"
#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;

constexpr EventKind kMutexWait = EventOf(WaitReason::kMutex);

struct Totals {
  std::uint64_t events = 0;  // in units of kWeightOne
  std::uint64_t duration_ns = 0;

  bool operator==(const Totals&) const = default;
};

// A table in a segment of its own, and what a reader sees of it.
class EventTableTest : public testing::Test {
 protected:
  EventTableTest() : segment_(test::MakeSegment(2 * kMiB)) { table_.Attach(segment_.get()); }

  void Add(std::uint32_t stack, EventKind kind, std::uint64_t duration_ns) {
    table_.Add(StackId{stack}, kind, kWeightOne, duration_ns);
  }
  std::map<std::uint64_t, Totals> Shown() const {
    const auto* sites = segment_->Entries<EventSite>(SectionKind::kEvents);
    std::map<std::uint64_t, Totals> shown;
    for (std::uint64_t i = 0; i < test::Used(*segment_, SectionKind::kEvents); ++i) {
      const std::uint64_t key = sites[i].key.load();
      if (key == 0) continue;
      EXPECT_EQ(shown.count(key), 0u) << "twice";
      shown[key] = {sites[i].events / kWeightOne, sites[i].duration_ns};
    }
    return shown;
  }
  Totals At(std::uint32_t stack, EventKind kind) const {
    return Shown()[EventKey(StackId{stack}, kind)];
  }
  std::uint64_t Dropped() const { return segment_->counters().dropped_events_full.load(); }

  std::unique_ptr<SegmentWriter> segment_;
  EventTable table_;
};

TEST_F(EventTableTest, AddsUpByStackAndKind) {
  Add(7, kMutexWait, 100);
  Add(7, kMutexWait, 50);
  Add(8, kMutexWait, 1);
  Add(7, EventOf(WaitReason::kSleep), 3);
  EXPECT_EQ(At(7, kMutexWait), (Totals{2, 150}));
  EXPECT_EQ(At(8, kMutexWait), (Totals{1, 1}));
  EXPECT_EQ(At(7, EventOf(WaitReason::kSleep)), (Totals{1, 3}));
  EXPECT_EQ(Shown().size(), 3u);
}

TEST_F(EventTableTest, ASampleMayStandForMany) {
  table_.Add(StackId{7}, kMutexWait, 5 * kWeightOne, 10'000);
  EXPECT_EQ(At(7, kMutexWait), (Totals{5, 10'000}));
}

TEST_F(EventTableTest, KnowsTheUnknownStack) {
  Add(0, kMutexWait, 5);
  EXPECT_EQ(At(0, kMutexWait), (Totals{1, 5}));
}

TEST_F(EventTableTest, TakesBackWhatWasAdded) {
  Add(7, EventKind::kThreadCreation, 0);
  Add(7, EventKind::kThreadCreation, 0);
  table_.TakeBack(StackId{7}, EventKind::kThreadCreation);
  EXPECT_EQ(At(7, EventKind::kThreadCreation), (Totals{1, 0}));
}

TEST_F(EventTableTest, KeepsFewOnOnePage) {
  for (std::uint32_t stack = 2; stack < 42; ++stack) Add(stack, kMutexWait, 1);
  EXPECT_LE(test::Used(*segment_, SectionKind::kEvents), kSegmentPageBytes / sizeof(EventSite));
}

// What does not fit is counted, and what was there stays as it was.
TEST_F(EventTableTest, CountsWhatDoesNotFit) {
  const std::uint64_t capacity = test::Capacity(*segment_, SectionKind::kEvents);
  const auto many = static_cast<std::uint32_t>(2 * capacity);
  for (std::uint32_t stack = 0; stack < many; ++stack) Add(stack, kMutexWait, stack);
  const std::map<std::uint64_t, Totals> shown = Shown();
  EXPECT_EQ(shown.size() + Dropped(), many);
  EXPECT_GT(shown.size(), capacity * 9 / 10);
  for (const auto& [key, totals] : shown)
    EXPECT_EQ(totals.duration_ns, static_cast<std::uint32_t>(StackOfEvent(key)));
  for (const auto& [key, totals] : shown) table_.Add(StackOfEvent(key), kMutexWait, kWeightOne, 0);
  EXPECT_EQ(Shown().size(), shown.size());
}

TEST_F(EventTableTest, LosesNothingWhereThreadsAddTheSame) {
  constexpr int kThreads = 4, kRounds = 20'000;
  constexpr std::uint32_t kStacks = 200;
  test::InParallel(kThreads, [this](int) {
    for (std::uint32_t round = 0; round < kRounds; ++round) Add(round % kStacks, kMutexWait, 3);
  });
  const std::map<std::uint64_t, Totals> shown = Shown();
  EXPECT_EQ(shown.size(), kStacks);
  constexpr std::uint64_t kEach = kThreads * kRounds / kStacks;
  for (const auto& [key, totals] : shown) EXPECT_EQ(totals, (Totals{kEach, 3 * kEach}));
}

}  // namespace
}  // namespace limpet
