#include "runtime/table/address_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <set>
#include <vector>

#include "tests/runtime/table/parallel.h"

namespace limpet {

struct AddressIndexPeer {
  static std::uint64_t Home(const AddressIndex& index, std::uint64_t address) {
    return index.HomeNumber(address);
  }
  static int LinesAt(const AddressIndex& index, std::uint64_t address) {
    int lines = 0;
    for (auto* line = index.HomeOf(address); line != nullptr; line = index.Next(*line)) ++lines;
    return lines;
  }
  static int EntriesAtHome(const AddressIndex& index, std::uint64_t address) {
    int entries = 0;
    for (auto& cell : index.HomeOf(address)->cells) entries += cell.load() != 0 ? 1 : 0;
    return entries;
  }
};

namespace {

class Book {
 public:
  Book(std::uint64_t slots, std::uint64_t expected) {
    if (!index_.Allocate(slots, expected)) abort();
  }

  bool Insert(std::uint64_t address, std::uint32_t slot) {
    std::uint32_t replaced = 0;
    return index_.Insert(address, slot, &replaced) != AddressIndex::Entered::kNoRoom;
  }
  static constexpr std::uint32_t kAbsent = ~std::uint32_t{0};
  // The slot that `address` had before.
  std::uint32_t Replace(std::uint64_t address, std::uint32_t slot) {
    std::uint32_t replaced = kAbsent;
    index_.Insert(address, slot, &replaced);
    return replaced;
  }
  std::uint32_t Remove(std::uint64_t address) {
    std::uint32_t slot = 0;
    return index_.Remove(address, &slot) ? slot : kAbsent;
  }
  std::uint64_t bytes() const { return index_.bytes(); }
  int LinesAt(std::uint64_t address) const { return AddressIndexPeer::LinesAt(index_, address); }
  int EntriesAtHome(std::uint64_t address) const {
    return AddressIndexPeer::EntriesAtHome(index_, address);
  }

  // Addresses in `count` pages that all have the home line of the first.
  std::vector<std::uint64_t> OnOneLine(std::uint32_t count) const {
    std::vector<std::uint64_t> addresses = {0x5555'0000'0010};
    std::uint64_t next = addresses[0];
    while (addresses.size() < count) {
      next += 4096;
      const std::uint64_t home = AddressIndexPeer::Home(index_, addresses[0]);
      if (AddressIndexPeer::Home(index_, next) == home) addresses.push_back(next);
    }
    return addresses;
  }

 private:
  AddressIndex index_;
};

TEST(AddressIndex, GivesBackTheSlotOfAnAddress) {
  Book book(100, 100);
  ASSERT_TRUE(book.Insert(0x7f00'0000'1230, 0));
  ASSERT_TRUE(book.Insert(0x5500'0000'4560, 99));
  EXPECT_EQ(book.Remove(0x5500'0000'4560), 99u);
  EXPECT_EQ(book.Remove(0x7f00'0000'1230), 0u);
}

TEST(AddressIndex, KnowsNothingItWasNotTold) {
  Book book(100, 100);
  const auto addresses = book.OnOneLine(2);
  ASSERT_TRUE(book.Insert(addresses[0], 1));
  EXPECT_EQ(book.Remove(addresses[0] + 8), Book::kAbsent);
  EXPECT_EQ(book.Remove(addresses[1]), Book::kAbsent);
}

TEST(AddressIndex, ForgetsWhatWasRemoved) {
  Book book(100, 100);
  ASSERT_TRUE(book.Insert(0x1000, 1));
  ASSERT_EQ(book.Remove(0x1000), 1u);
  EXPECT_EQ(book.Remove(0x1000), Book::kAbsent);
}

TEST(AddressIndex, TellsAddressesOfOneLineApart) {
  constexpr std::uint32_t kCount = 50;
  Book book(kCount, kCount);
  const auto addresses = book.OnOneLine(kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_TRUE(book.Insert(addresses[i], i));
  for (std::uint32_t i = kCount; i-- > 0;) ASSERT_EQ(book.Remove(addresses[i]), i);
}

// Whatever the table's size, no two addresses of the 47 bits may share line and tag.
TEST(AddressIndex, TellsAllAddressesApart) {
  constexpr std::uint32_t kBlocks = 20'000;
  for (std::uint64_t slots : {std::uint64_t{1}, std::uint64_t{kBlocks}, std::uint64_t{1} << 20}) {
    Book book(slots + kBlocks, 1);
    std::mt19937_64 random(slots);
    std::set<std::uint64_t> addresses;
    while (addresses.size() < kBlocks) {
      const std::uint64_t near = random() % 4 == 0 ? 0x7fff'ffff'f000 : 0x5555'0000'0000;
      addresses.insert((near ^ (random() >> (random() % 47 + 17))) & 0x7fff'ffff'fff8);
    }
    std::uint32_t slot = 0;
    for (std::uint64_t address : addresses) ASSERT_EQ(book.Replace(address, slot++), Book::kAbsent);
    slot = 0;
    for (std::uint64_t address : addresses) ASSERT_EQ(book.Remove(address), slot++);
  }
}

TEST(AddressIndex, KnowsTheHighestSlot) {
  Book book(100, 100);
  constexpr auto kHighest = static_cast<std::uint32_t>(AddressIndex::kMaxSlots) - 1;
  ASSERT_TRUE(book.Insert(0x7fff'ffff'fff8, kHighest));
  EXPECT_EQ(book.Remove(0x7fff'ffff'fff8), kHighest);
}

TEST(AddressIndex, HoldsAllSlotsEvenOnOneLine) {
  constexpr std::uint32_t kSlots = 1000;
  Book book(kSlots, 1);
  const auto addresses = book.OnOneLine(kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(addresses[i], i)) << i;
}

// As of allocators that keep a region of many GiB for each size.
TEST(AddressIndex, SpreadsAddressesThatDifferInTheirUpperBitsOnly) {
  constexpr std::uint32_t kSlots = 1000;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i)
    ASSERT_TRUE(book.Insert(0x10 + (std::uint64_t{i} << 36), i));
  for (std::uint32_t i = 0; i < kSlots; ++i)
    EXPECT_LE(book.LinesAt(0x10 + (std::uint64_t{i} << 36)), 2);
}

// As of blocks of a page and more.
TEST(AddressIndex, SpreadsAddressesThatBeginAPage) {
  constexpr std::uint32_t kSlots = 1000;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i)
    ASSERT_TRUE(book.Insert(0x5555'0000'0010 + (std::uint64_t{i} << 12), i));
  for (std::uint32_t i = 0; i < kSlots; ++i)
    EXPECT_LE(book.LinesAt(0x5555'0000'0010 + (std::uint64_t{i} << 12)), 2);
}

TEST(AddressIndex, SaysSoWhenNoLineIsLeft) {
  constexpr std::uint32_t kSlots = 10, kMore = 1000;
  Book book(kSlots, kSlots);
  const auto addresses = book.OnOneLine(kMore);
  std::uint32_t count = 0;
  while (count < kMore && book.Insert(addresses[count], count)) ++count;
  EXPECT_GE(count, kSlots);
  EXPECT_LT(count, 100u);
}

TEST(AddressIndex, ReplacesAnEntryOfTheSameAddress) {
  Book book(100, 100);
  const auto addresses = book.OnOneLine(2);
  ASSERT_TRUE(book.Insert(addresses[0], 1));
  ASSERT_TRUE(book.Insert(addresses[1], 2));
  EXPECT_EQ(book.Replace(addresses[0], 3), 1u);
  EXPECT_EQ(book.Remove(addresses[0]), 3u);
  EXPECT_EQ(book.Remove(addresses[0]), Book::kAbsent);
  EXPECT_EQ(book.Remove(addresses[1]), 2u);
}

TEST(AddressIndex, StartsEmptyWhenAllocatedAnew) {
  AddressIndex index;
  std::uint32_t slot = 0;
  ASSERT_TRUE(index.Allocate(100, 100));
  ASSERT_EQ(index.Insert(0x1000, 1, &slot), AddressIndex::Entered::kFresh);
  ASSERT_TRUE(index.Allocate(200, 200));
  EXPECT_FALSE(index.Remove(0x1000, &slot));
}

TEST(AddressIndex, TellsItsSize) {
  EXPECT_GE(Book(1000, 10).bytes(), 1000 * sizeof(std::uint64_t));
  EXPECT_LT(Book(1000, 10).bytes(), 1 << 20);
}

// As many as fit one line with its overflow, in and out: lost cells or lines would fill it up.
TEST(AddressIndex, TakesFreedCellsAgain) {
  constexpr std::uint32_t kSlots = 20;
  Book book(kSlots, kSlots);
  const auto addresses = book.OnOneLine(kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(addresses[i], i));
  std::minstd_rand random(1);
  for (int i = 0; i < 10'000'000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    ASSERT_EQ(book.Remove(addresses[slot]), slot);
    ASSERT_TRUE(book.Insert(addresses[slot], slot)) << i;
  }
}

// However often they were taken out and entered again.
TEST(AddressIndex, LooksAtNoMoreLinesThanItsAddressesNeed) {
  constexpr std::uint32_t kSlots = 20, kRounds = 1000;
  Book book(kSlots, kSlots);
  const auto addresses = book.OnOneLine(kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(addresses[i], i));
  for (std::uint32_t i = 0; i < kRounds * kSlots; ++i) {
    ASSERT_EQ(book.Remove(addresses[i % kSlots]), i % kSlots);
    ASSERT_TRUE(book.Insert(addresses[i % kSlots], i % kSlots));
    ASSERT_LE(book.LinesAt(addresses[0]), 3) << "after " << i << " removals";
  }
}

// Lines stay when they were needed once; what comes later must not be put behind them.
TEST(AddressIndex, EntersAtTheHomeLineWhereItHasRoom) {
  constexpr std::uint32_t kSlots = 20;
  Book book(kSlots, kSlots);
  const auto addresses = book.OnOneLine(kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(addresses[i], i));
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_EQ(book.Remove(addresses[i]), i);
  ASSERT_EQ(book.LinesAt(addresses[0]), 3);
  for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(book.Insert(addresses[i], i));
  EXPECT_EQ(book.EntriesAtHome(addresses[0]), 3);
}

// Addresses move over all lines in time: each line must not keep what it needed at its worst.
TEST(AddressIndex, HasRoomForAllSlotsHoweverLongItIsUsed) {
  constexpr std::uint32_t kSlots = 11'000;  // of the smallest segment
  Book book(kSlots, 2048);
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> live;
  auto fresh = [&] { return random() & 0x7fff'ffff'fff0; };
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    live.push_back(fresh());
    ASSERT_TRUE(book.Insert(live.back(), slot)) << slot;
  }
  for (int i = 0; i < 2'000'000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    ASSERT_EQ(book.Remove(live[slot]), slot);
    live[slot] = fresh();
    ASSERT_TRUE(book.Insert(live[slot], slot)) << "after " << i << " blocks";
  }
}

TEST(AddressIndex, LosesNothingBetweenThreads) {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kEach = 100;
  Book book(kThreads * kEach, kThreads * kEach);
  std::atomic<std::uint64_t> lost = 0;
  test::InParallel(kThreads, [&](int thread) {
    const std::uint32_t first = static_cast<std::uint32_t>(thread) * kEach;
    for (int round = 0; round < 500; ++round) {
      for (std::uint32_t slot = first; slot < first + kEach; ++slot) {
        if (!book.Insert(0x10 + slot * std::uint64_t{16} * 1031, slot)) ++lost;
      }
      for (std::uint32_t slot = first; slot < first + kEach; ++slot) {
        if (book.Remove(0x10 + slot * std::uint64_t{16} * 1031) != slot) ++lost;
      }
    }
  });
  EXPECT_EQ(lost.load(), 0u);
}

TEST(AddressIndex, GivesAnAddressToOneOfTwoRemovers) {
  constexpr std::uint32_t kSlots = 2000;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(0x10 + i * 16, i));
  std::atomic<std::uint32_t> removed = 0;
  test::InParallel(4, [&](int) {
    for (std::uint32_t i = 0; i < kSlots; ++i) {
      if (book.Remove(0x10 + i * 16) == i) ++removed;
    }
  });
  EXPECT_EQ(removed.load(), kSlots);
}

}  // namespace
}  // namespace limpet
