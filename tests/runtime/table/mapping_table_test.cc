#include "runtime/table/mapping_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

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

  void Map(std::uint64_t address, std::uint64_t pages) { MapAt(table.Now(), address, pages); }
  // As of a moment that the table told.
  void MapAt(std::uint64_t moment, std::uint64_t address, std::uint64_t pages) {
    table.Insert({.address = address,
                  .requested_bytes = pages * kPage,
                  .weight = kWeightOne,
                  .time_ns = moment,
                  .stack = StackId{7},
                  .thread_id = 11});
  }
  void Unmap(std::uint64_t address, std::uint64_t pages) {
    table.RemoveRange({address, address + pages * kPage}, table.Now());
  }
  bool Holds(std::uint64_t address) const { return table.HoldsAnyOf({address, address + 1}); }

  std::uint64_t used() const { return test::Used(*segment, SectionKind::kMappings); }
  std::uint64_t dropped() const { return segment->counters().dropped_mappings_full.load(); }
  std::uint64_t stale() const { return segment->counters().stale_mappings.load(); }
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
  EXPECT_TRUE(atlas.Holds(Page(0)));
  EXPECT_TRUE(atlas.Holds(Page(10) - 1));
  EXPECT_FALSE(atlas.Holds(Page(10)));
  EXPECT_FALSE(atlas.Holds(Page(0) - 1));
  EXPECT_FALSE(atlas.Holds(0));
}

TEST(MappingTable, ForgetsAMappingThatIsUnmappedWhole) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Unmap(Page(0), 10);
  EXPECT_TRUE(atlas.Shown().empty());
  EXPECT_FALSE(atlas.Holds(Page(5)));
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
  EXPECT_FALSE(atlas.Holds(Page(3)));
  EXPECT_TRUE(atlas.Holds(Page(7)));
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
  EXPECT_TRUE(atlas.Holds(Page(2)));
  EXPECT_FALSE(atlas.Holds(Page(7)));
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

TEST(MappingTable, TellsEveryMomentOnce) {
  constexpr int kThreads = 4;
  constexpr int kEach = 10'000;
  Atlas atlas;
  std::vector<std::uint64_t> moments[kThreads];
  test::InParallel(kThreads, [&](int thread) {
    for (int i = 0; i < kEach; ++i) moments[thread].push_back(atlas.table.Now());
  });
  std::set<std::uint64_t> all;
  for (const auto& told : moments) {
    EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
    all.insert(told.begin(), told.end());
  }
  EXPECT_EQ(all.size(), std::size_t{kThreads} * kEach);
}

// The kernel gave the address to another thread before the first one came to forget it.
TEST(MappingTable, KeepsWhatWasMappedSinceTheUnmapping) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  const std::uint64_t before_munmap = atlas.table.Now();
  atlas.Map(Page(2), 3);
  atlas.table.RemoveRange({Page(0), Page(10)}, before_munmap);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(2), Page(5)}}));
}

TEST(MappingTable, KeepsTheAgeOfWhatIsSplit) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  const std::uint64_t moment = atlas.table.Now();
  atlas.Unmap(Page(4), 2);
  atlas.table.RemoveRange({Page(0), Page(10)}, moment);
  EXPECT_EQ(atlas.Shown(), Ranges());
}

TEST(MappingTable, ReplacesWhatAMappingProvesToBeGone) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Map(Page(3), 4);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(3)}, {Page(3), Page(7)}, {Page(7), Page(10)}}));
}

TEST(MappingTable, ForgetsOnlyWhatIsNotMappedAnyMore) {
  Atlas atlas;
  char* memory =
      static_cast<char*>(mmap(nullptr, 6 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  const auto start = reinterpret_cast<std::uint64_t>(memory);
  atlas.Map(start, 3);
  atlas.Map(start + 3 * kPage, 3);
  munmap(memory + 4 * kPage, kPage);
  atlas.table.RemoveUnmapped({start + kPage, start + 5 * kPage}, atlas.table.Now());
  EXPECT_EQ(atlas.Shown(),
            Ranges({{start, start + 3 * kPage}, {start + 5 * kPage, start + 6 * kPage}}));
  munmap(memory, 6 * kPage);
}

AllocationSlot& SlotOf(const Atlas& atlas, std::uint64_t number) {
  return atlas.segment->Entries<AllocationSlot>(SectionKind::kMappings)[number];
}

// Holds a slot as a thread does that is suspended in the middle.
class Holder {
 public:
  explicit Holder(Atlas& atlas, std::uint64_t number = 0) : slot_(SlotOf(atlas, number)) {
    slot_.generation.fetch_add(1);
  }
  ~Holder() { slot_.generation.fetch_add(1); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

 private:
  AllocationSlot& slot_;
};

TEST(MappingTable, LeavesToTheHolderOfASlotWhatItWants) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  {
    const Holder holder(atlas);
    atlas.Unmap(Page(3), 2);
    atlas.Unmap(Page(7), 1);
  }
  atlas.Unmap(Page(100), 1);  // what a holder does at last, whatever it came for
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(0), Page(3)}, {Page(5), Page(7)}, {Page(8), Page(10)}}));
  EXPECT_EQ(atlas.stale(), 0u);
}

TEST(MappingTable, CountsWhatTooManyWantOfOneSlot) {
  constexpr std::uint64_t kPlaces = PostponedRemovals::kPlaces, kTooMany = 4;
  constexpr std::uint64_t kPages = 3 * kPlaces;
  Atlas atlas;
  atlas.Map(Page(0), kPages);
  {
    const Holder holder(atlas);
    for (std::uint64_t i = 0; i < kPlaces + kTooMany; ++i) atlas.Unmap(Page(i), 1);
  }
  atlas.Unmap(Page(2 * kPages), 1);
  std::uint64_t pages = 0;
  for (const auto& [address, end] : atlas.Shown()) pages += (end - address) / kPage;
  EXPECT_EQ(pages, kPages - kPlaces);
  EXPECT_GE(atlas.stale(), kTooMany);
}

// A handler that was left by longjmp never lets its slot go.
TEST(MappingTable, DoesWhatIsLeftToOneSlotWhileAnotherIsHeldForEver) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  atlas.Map(Page(20), 10);
  {
    const Holder for_ever(atlas, 0);
    atlas.Unmap(Page(3), 2);
    {
      const Holder holder(atlas, 1);
      atlas.Unmap(Page(23), 2);
    }
    atlas.Unmap(Page(100), 1);
    EXPECT_FALSE(atlas.Holds(Page(23)));
    EXPECT_TRUE(atlas.Holds(Page(3)));
  }
}

// A sweep locks each slot that it overlaps, so that the generation of a free one tells of sweeps.
TEST(MappingTable, SweepsOnceHoweverLongASlotIsHeld) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  const std::uint64_t moment = atlas.table.Now();
  atlas.Map(Page(20), 1);
  const std::uint32_t before = SlotOf(atlas, 1).generation.load();
  {
    const Holder for_ever(atlas);
    atlas.table.RemoveRange({Page(0), Page(30)}, moment);
    EXPECT_EQ(SlotOf(atlas, 1).generation.load(), before + 2);
    atlas.Unmap(Page(100), 1);
    EXPECT_EQ(SlotOf(atlas, 1).generation.load(), before + 2);
  }
  atlas.Unmap(Page(100), 1);
  EXPECT_EQ(atlas.Shown(), Ranges({{Page(20), Page(21)}}));
}

// The count is in the file, where anybody may write to it who may open it.
TEST(MappingTable, StaysInsideOfItsSlotsWhateverIsWrittenOverTheirCount) {
  Atlas atlas;
  atlas.Map(Page(0), 10);
  SectionEntry& section = atlas.segment->Section(SectionKind::kMappings);
  section.used = ~std::uint64_t{0};
  section.capacity = ~std::uint64_t{0};
  EXPECT_FALSE(atlas.Holds(Page(10)));
  atlas.Unmap(Page(3), 2);
  atlas.table.RemoveUnmapped({Page(7), Page(8)}, atlas.table.Now());
  EXPECT_TRUE(atlas.Holds(Page(2)));
  EXPECT_FALSE(atlas.Holds(Page(3)));
}

// What a thread finds split by another one must not escape it.
TEST(MappingTable, ForgetsEveryPageThatSomeThreadUnmaps) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kPages = 64;
  constexpr std::uint64_t kStride = std::uint64_t{2} * kThreads;
  for (int round = 0; round < 2000; ++round) {
    Atlas atlas;
    for (std::uint64_t i = 0; i < 5; ++i) atlas.Map(Page(kPages + i * 2), 1);
    atlas.Map(Page(0), kPages);
    for (std::uint64_t i = 0; i < 5; ++i) atlas.Unmap(Page(kPages + i * 2), 1);
    test::InParallel(kThreads, [&](int thread) {
      for (std::uint64_t i = static_cast<std::uint64_t>(thread) * 2; i < kPages; i += kStride)
        atlas.Unmap(Page(i), 1);
    });
    // A page too many is one that was not forgotten, and is counted.
    std::uint64_t pages = 0;
    for (const auto& [address, end] : atlas.Shown()) pages += (end - address) / kPage;
    ASSERT_EQ(atlas.dropped(), 0u);
    ASSERT_GE(pages, kPages / 2) << round;
    ASSERT_LE(pages, kPages / 2 + atlas.stale()) << round;
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
  EXPECT_EQ(atlas.dropped(), 0u) << "there is room for all";
  EXPECT_EQ(atlas.stale(), 0u) << "nobody cuts a slot that holds another thread's mapping";
  Ranges expected;
  for (std::uint64_t at = 0; at < std::uint64_t{kThreads} * 100; at += 100) {
    expected[Page(at)] = Page(at + 3);
    expected[Page(at + 7)] = Page(at + 10);
  }
  EXPECT_EQ(atlas.Shown(), expected);
}

}  // namespace
}  // namespace limpet
