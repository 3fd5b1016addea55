#include "runtime/table/mapping_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>

#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;
using Ranges = std::map<std::uint64_t, std::uint64_t>;  // address -> end

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kStart = 100 * kPage;

// A table in a segment of its own, and what a reader sees of it.
struct Atlas {
  explicit Atlas(std::uint64_t bytes = kMiB) : segment(test::MakeSegment(bytes)) {
    table.Attach(segment.get());
  }

  void Map(std::uint64_t address, std::uint64_t pages) {
    table.Insert({.address = address,
                  .requested_bytes = pages * kPage,
                  .weight = kWeightOne,
                  .time_ns = 5,
                  .stack = StackId{7},
                  .thread_id = 11});
  }
  void Unmap(std::uint64_t address, std::uint64_t pages) {
    table.RemoveRange(address, pages * kPage);
  }

  std::uint64_t used() const { return test::Used(*segment, SectionKind::kMappings); }
  std::uint64_t dropped() const { return segment->counters().dropped_mappings_full.load(); }
  Ranges Shown() const {
    const auto* slots = segment->Entries<AllocationSlot>(SectionKind::kMappings);
    Ranges ranges;
    for (std::uint64_t i = 0; i < used(); ++i) {
      EXPECT_EQ(slots[i].generation.load() % 2, 0u) << i;
      const std::uint64_t address = slots[i].address.load();
      if (address == 0) continue;
      EXPECT_EQ(ranges.count(address), 0u) << "twice";
      EXPECT_EQ(slots[i].stack.load(), StackId{7});
      EXPECT_EQ(slots[i].weight.load(), kWeightOne);
      EXPECT_EQ(slots[i].thread_id.load(), 11u);
      ranges[address] = address + slots[i].requested_bytes.load();
    }
    return ranges;
  }

  std::unique_ptr<SegmentWriter> segment;
  MappingTable table;
};

std::uint64_t Page(std::uint64_t number) { return kStart + number * kPage; }

TEST(MappingTable, ShowsAMapping) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(10)}}));
}

TEST(MappingTable, HoldsTheAddressesOfAMapping) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  EXPECT_TRUE(atlas.table.Holds(Page(0)));
  EXPECT_TRUE(atlas.table.Holds(Page(10) - 1));
  EXPECT_FALSE(atlas.table.Holds(Page(10)));
  EXPECT_FALSE(atlas.table.Holds(Page(0) - 1));
  EXPECT_FALSE(atlas.table.Holds(0));
}

TEST(MappingTable, ForgetsAMappingThatIsUnmappedWhole) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(0), 10);
  EXPECT_TRUE(atlas.Shown().empty());
  EXPECT_FALSE(atlas.table.Holds(Page(5)));
}

TEST(MappingTable, ForgetsAMappingInsideOfWhatIsUnmapped) {
  Atlas atlas;
  atlas.Map(Page(5), 2);
  atlas.Unmap(Page(0), 10);
  EXPECT_TRUE(atlas.Shown().empty());
}

TEST(MappingTable, ShortensAMappingAtItsFront) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(0), 3);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(3), Page(10)}}));
}

TEST(MappingTable, ShortensAMappingAtItsBack) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(7), 3);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(7)}}));
}

TEST(MappingTable, SplitsAMappingInTheMiddle) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(3), 4);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(3)}, {Page(7), Page(10)}}));
  EXPECT_FALSE(atlas.table.Holds(Page(3)));
  EXPECT_TRUE(atlas.table.Holds(Page(7)));
}

TEST(MappingTable, UnmapsBeyondTheEndsOfAMapping) {
  Atlas atlas;
  atlas.Map(Page(0), 4);
  atlas.Map(Page(10), 4);
  atlas.Unmap(Page(2), 10);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(2)}, {Page(12), Page(14)}}));
}

TEST(MappingTable, UnmapsSeveralMappingsAtOnce) {
  Atlas atlas;
  for (std::uint64_t i = 0; i < 5; ++i) atlas.Map(Page(i * 10), 10);
  atlas.Unmap(Page(5), 40);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(5)}, {Page(45), Page(50)}}));
}

TEST(MappingTable, LeavesNeighboursAlone) {
  Atlas atlas;
  for (std::uint64_t i = 0; i < 3; ++i) atlas.Map(Page(i * 10), 10);
  atlas.Unmap(Page(10), 10);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(10)}, {Page(20), Page(30)}}));
}

TEST(MappingTable, LeavesAMappingAloneWhenNothingIsUnmapped) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(5), 0);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(10)}}));
}

TEST(MappingTable, TakesFreedSlotsAgain) {
  Atlas atlas;
  for (int i = 0; i < 1000; ++i) {
    atlas.Map(Page(0), 10);
    atlas.Unmap(Page(0), 10);
  }
  EXPECT_EQ(atlas.used(), 1u);
}

TEST(MappingTable, CountsWhatDoesNotFit) {
  Atlas atlas;
  const std::uint64_t room = test::Capacity(*atlas.segment, SectionKind::kMappings);
  for (std::uint64_t i = 0; i < room; ++i) atlas.Map(Page(i * 2), 1);
  EXPECT_EQ(atlas.dropped(), 0u);
  atlas.Map(Page(room * 2), 1);
  EXPECT_EQ(atlas.dropped(), 1u);
  EXPECT_EQ(atlas.Shown().size(), room);
}

TEST(MappingTable, CountsTheBackPartThatDoesNotFit) {
  Atlas atlas;
  const std::uint64_t room = test::Capacity(*atlas.segment, SectionKind::kMappings);
  for (std::uint64_t i = 0; i < room; ++i) atlas.Map(Page(i * 10), 10);
  atlas.Unmap(Page(3), 4);
  EXPECT_EQ(atlas.dropped(), 1u);
  EXPECT_TRUE(atlas.table.Holds(Page(2)));
  EXPECT_FALSE(atlas.table.Holds(Page(7)));
}

TEST(MappingTable, ShowsOrCountsEveryMappingOfEveryThread) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kEach = 40;
  for (int round = 0; round < 200; ++round) {
    Atlas atlas;
    test::InParallel(kThreads, [&](int thread) {
      const std::uint64_t first = static_cast<std::uint64_t>(thread) * kEach;
      for (std::uint64_t i = first; i < first + kEach; ++i) atlas.Map(Page(i * 2), 1);
    });
    ASSERT_EQ(atlas.Shown().size() + atlas.dropped(), kThreads * kEach) << round;
  }
}

// Ranges of different threads never overlap, but their slots go round among all.
TEST(MappingTable, KeepsEachThreadsMappingsAsThatThreadLeftThem) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 3000;
  Atlas atlas(4 * kMiB);
  test::InParallel(kThreads, [&](int thread) {
    const std::uint64_t at = static_cast<std::uint64_t>(thread) * 100;
    for (int i = 0; i < kRounds; ++i) {
      atlas.Map(Page(at), 10);
      atlas.Map(Page(at + 50), 1);
      atlas.Unmap(Page(at + 3), 4);
      atlas.Unmap(Page(at), 100);
    }
    atlas.Map(Page(at), 10);
    atlas.Unmap(Page(at + 3), 4);
  });
  if (atlas.dropped() != 0) GTEST_SKIP() << "a slot was held too long: " << atlas.dropped();
  Ranges expected;
  for (std::uint64_t at = 0; at < kThreads * 100; at += 100) {
    expected[Page(at)] = Page(at + 3);
    expected[Page(at + 7)] = Page(at + 10);
  }
  EXPECT_EQ(atlas.Shown(), expected);
}

}  // namespace
}  // namespace limpet
