#include "runtime/table/address_index.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <vector>

#include "tests/runtime/table/parallel.h"

namespace limpet {
namespace {

// Beyond what the tag looks at, and what the hash of the page takes to the smallest table's lines.
constexpr std::uint64_t kSameLine = std::uint64_t{1} << 54;

// An index with the addresses that its slots hold.
class Book {
  auto Holds(std::uint64_t address) const {
    return [this, address](std::uint32_t slot) {
      looks_.fetch_add(1, std::memory_order_relaxed);
      return slot < addresses_.size() &&
             addresses_[slot].load(std::memory_order_relaxed) == address;
    };
  }

 public:
  Book(std::uint64_t slots, std::uint64_t expected) : Book(slots, expected, slots) {}
  // With addresses for more slots than there is room for.
  Book(std::uint64_t slots, std::uint64_t expected, std::uint64_t addresses)
      : addresses_(addresses) {
    if (!index_.Allocate(slots, expected)) abort();
  }

  bool Insert(std::uint64_t address, std::uint32_t slot) {
    addresses_[slot].store(address, std::memory_order_relaxed);
    std::uint32_t replaced = 0;
    return index_.Insert(address, slot, Holds(address), &replaced) !=
           AddressIndex::Entered::kNoRoom;
  }
  static constexpr std::uint32_t kAbsent = ~std::uint32_t{0};
  // The slot that `address` had before.
  std::uint32_t Replace(std::uint64_t address, std::uint32_t slot) {
    addresses_[slot].store(address, std::memory_order_relaxed);
    std::uint32_t replaced = kAbsent;
    index_.Insert(address, slot, Holds(address), &replaced);
    return replaced;
  }
  std::uint32_t Remove(std::uint64_t address) {
    std::uint32_t slot = 0;
    return index_.Remove(address, Holds(address), &slot) ? slot : kAbsent;
  }
  std::uint64_t bytes() const { return index_.bytes(); }
  // At entries of the same tag, so far.
  std::uint64_t looks() const { return looks_.load(); }

 private:
  mutable std::atomic<std::uint64_t> looks_ = 0;
  std::vector<std::atomic<std::uint64_t>> addresses_;
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
  ASSERT_TRUE(book.Insert(0x1000, 1));
  EXPECT_EQ(book.Remove(0x1010), Book::kAbsent);
  EXPECT_EQ(book.Remove(0x1000 + kSameLine), Book::kAbsent);
}

TEST(AddressIndex, ForgetsWhatWasRemoved) {
  Book book(100, 100);
  ASSERT_TRUE(book.Insert(0x1000, 1));
  ASSERT_EQ(book.Remove(0x1000), 1u);
  EXPECT_EQ(book.Remove(0x1000), Book::kAbsent);
}

TEST(AddressIndex, TellsAddressesOfOneTagApart) {
  constexpr std::uint32_t kCount = 50;
  Book book(kCount, kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) ASSERT_TRUE(book.Insert(0x1000 + i * kSameLine, i));
  for (std::uint32_t i = kCount; i-- > 0;) ASSERT_EQ(book.Remove(0x1000 + i * kSameLine), i);
}

TEST(AddressIndex, HoldsAllSlotsEvenOnOneLine) {
  constexpr std::uint32_t kSlots = 1000;
  Book book(kSlots, 1);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(0x10 + i * kSameLine, i)) << i;
}

// As of allocators that keep a region of many GiB for each size.
TEST(AddressIndex, SpreadsAddressesThatDifferInTheirUpperBitsOnly) {
  constexpr std::uint32_t kSlots = 1000;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i)
    ASSERT_TRUE(book.Insert(0x10 + (std::uint64_t{i} << 36), i));
  EXPECT_LT(book.looks(), kSlots * 4);
}

TEST(AddressIndex, SaysSoWhenNoLineIsLeft) {
  constexpr std::uint32_t kSlots = 10, kMore = 1000;
  Book book(kSlots, kSlots, kMore);
  std::uint32_t count = 0;
  while (count < kMore && book.Insert(0x10 + count * kSameLine, count)) ++count;
  EXPECT_GE(count, kSlots);
  EXPECT_LT(count, 100u);
}

TEST(AddressIndex, ReplacesAnEntryOfTheSameAddress) {
  Book book(100, 100);
  ASSERT_TRUE(book.Insert(0x1000, 1));
  ASSERT_TRUE(book.Insert(0x1000 + kSameLine, 2));
  EXPECT_EQ(book.Replace(0x1000, 3), 1u);
  EXPECT_EQ(book.Remove(0x1000), 3u);
  EXPECT_EQ(book.Remove(0x1000), Book::kAbsent);
  EXPECT_EQ(book.Remove(0x1000 + kSameLine), 2u);
}

TEST(AddressIndex, StartsEmptyWhenAllocatedAnew) {
  AddressIndex index;
  std::uint32_t slot = 0;
  auto holds = [](std::uint32_t) { return true; };
  ASSERT_TRUE(index.Allocate(100, 100));
  ASSERT_EQ(index.Insert(0x1000, 1, holds, &slot), AddressIndex::Entered::kFresh);
  ASSERT_TRUE(index.Allocate(200, 200));
  EXPECT_FALSE(index.Remove(0x1000, holds, &slot));
}

TEST(AddressIndex, TellsItsSize) {
  EXPECT_GE(Book(1000, 10).bytes(), 1000 * sizeof(std::uint64_t));
  EXPECT_LT(Book(1000, 10).bytes(), 1 << 20);
}

// As many as fit one line with its overflow, in and out: lost cells or lines would fill it up.
TEST(AddressIndex, TakesFreedCellsAgain) {
  constexpr std::uint32_t kSlots = 20;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(0x10 + i * kSameLine, i));
  std::minstd_rand random(1);
  for (int i = 0; i < 10'000'000; ++i) {
    const auto slot = static_cast<std::uint32_t>(random() % kSlots);
    ASSERT_EQ(book.Remove(0x10 + slot * kSameLine), slot);
    ASSERT_TRUE(book.Insert(0x10 + slot * kSameLine, slot)) << i;
  }
}

// However often they were taken out and entered again.
TEST(AddressIndex, LooksAtNoMoreCellsThanThereAreAddresses) {
  constexpr std::uint32_t kSlots = 20, kRounds = 1000;
  Book book(kSlots, kSlots);
  for (std::uint32_t i = 0; i < kSlots; ++i) ASSERT_TRUE(book.Insert(0x10 + i * kSameLine, i));
  for (std::uint32_t i = 0; i < kRounds * kSlots; ++i) {
    const std::uint64_t before = book.looks();
    ASSERT_EQ(book.Remove(0x10 + i % kSlots * kSameLine), i % kSlots);
    ASSERT_LE(book.looks() - before, kSlots) << "after " << i << " removals";
    ASSERT_TRUE(book.Insert(0x10 + i % kSlots * kSameLine, i % kSlots));
  }
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
