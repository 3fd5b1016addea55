#include "runtime/table/free_filter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <vector>

#include "tests/runtime/sys/child_process.h"
#include "tests/runtime/table/parallel.h"

namespace limpet {
namespace {

const void* Pointer(std::uint64_t address) { return reinterpret_cast<const void*>(address); }

std::unique_ptr<FreeFilter> Empty() { return std::make_unique<FreeFilter>(); }

TEST(FreeFilter, HoldsNothingAtFirst) {
  auto filter = Empty();
  for (std::uint64_t address = 0; address < 1 << 20; address += 16) {
    ASSERT_FALSE(filter->MayHold(Pointer(address)));
  }
}

TEST(FreeFilter, HoldsAnAddressFromAddToRemove) {
  auto filter = Empty();
  filter->Add(0x1000);
  EXPECT_TRUE(filter->MayHold(Pointer(0x1000)));
  filter->Remove(0x1000);
  EXPECT_FALSE(filter->MayHold(Pointer(0x1000)));
}

TEST(FreeFilter, HoldsFewOthersBesides) {
  auto filter = Empty();
  filter->Add(0x1000);
  int others = 0;
  for (std::uint64_t i = 1; i <= 100'000; ++i) {
    others += filter->MayHold(Pointer(0x1000 + i * 16)) ? 1 : 0;
  }
  EXPECT_LT(others, 20);
}

// A sample for each 512 KiB of a heap of 8 GiB: nearly every other free must still pass by.
TEST(FreeFilter, HoldsFewOthersBesidesThoseOfALargeHeap) {
  constexpr std::uint64_t kHeap = 0x7f12'3450'0000, kHeapBytes = std::uint64_t{8} << 30;
  auto filter = Empty();
  std::mt19937_64 random(5);
  for (std::uint64_t i = 0; i < kHeapBytes >> 19; ++i)
    filter->Add(kHeap + (random() % kHeapBytes & ~std::uint64_t{15}));
  int others = 0;
  constexpr int kFrees = 100'000;
  for (int i = 0; i < kFrees; ++i)
    others +=
        filter->MayHold(Pointer(kHeap + (random() % kHeapBytes & ~std::uint64_t{15}))) ? 1 : 0;
  EXPECT_LT(others, kFrees / 12) << "one in 16 is expected";
}

TEST(FreeFilter, HoldsTheNullPointerNever) { EXPECT_FALSE(Empty()->MayHold(nullptr)); }

TEST(FreeFilter, CountsAddressesThatShareACounter) {
  auto filter = Empty();
  for (int i = 0; i < 3; ++i) filter->Add(0x1000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(filter->MayHold(Pointer(0x1000)));
    filter->Remove(0x1000);
  }
  EXPECT_FALSE(filter->MayHold(Pointer(0x1000)));
}

TEST(FreeFilter, ComesBackFromTheLastCountBelowSaturation) {
  auto filter = Empty();
  for (int i = 0; i < 254; ++i) filter->Add(0x1000);
  for (int i = 0; i < 254; ++i) filter->Remove(0x1000);
  EXPECT_FALSE(filter->MayHold(Pointer(0x1000)));
}

TEST(FreeFilter, HoldsForEverWhatSaturates) {
  for (int adds : {255, 256, 1000}) {
    auto filter = Empty();
    for (int i = 0; i < adds; ++i) filter->Add(0x1000);
    for (int i = 0; i < adds; ++i) {
      filter->Remove(0x1000);
      ASSERT_TRUE(filter->MayHold(Pointer(0x1000))) << i << " of " << adds;
    }
  }
}

TEST(FreeFilter, ForgetsAllWhenCleared) {
  auto filter = Empty();
  for (std::uint64_t i = 0; i < 10'000; ++i) filter->Add(0x1000 + i * 16);
  filter->ClearInChild();
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    ASSERT_FALSE(filter->MayHold(Pointer(0x1000 + i * 16)));
  }
}

TEST(FreeFilter, IsEmptyInAForkedChildButForWhatIsPinned) {
  auto filter = Empty();
  filter->Pin(Pointer(0x1000));
  filter->WipeOnFork();
  filter->Pin(Pointer(0x8'1000));
  for (unsigned address : {0x2000U, 0x8'2000U, 0xf'0000U}) filter->Add(address);
  test::ExpectInChild([&] {
    for (unsigned pinned : {0x1000U, 0x8'1000U}) EXPECT_TRUE(filter->MayHold(Pointer(pinned)));
    EXPECT_FALSE(filter->MayHold(Pointer(0xf'0000)));
    filter->ClearInChild();
    for (unsigned pinned : {0x1000U, 0x8'1000U}) EXPECT_TRUE(filter->MayHold(Pointer(pinned)));
    for (unsigned other : {0x2000U, 0x8'2000U, 0xf'0000U})
      EXPECT_FALSE(filter->MayHold(Pointer(other)));
  });
  for (unsigned address : {0x2000U, 0x8'2000U, 0xf'0000U})
    EXPECT_TRUE(filter->MayHold(Pointer(address)));
}

TEST(FreeFilter, HoldsAllInAForkedChildWhereAllIsPinned) {
  auto filter = Empty();
  filter->WipeOnFork();
  filter->PinAll();
  test::ExpectInChild([&] {
    filter->ClearInChild();
    filter->PinAll();
    for (std::uint64_t address = 0; address < 1 << 24; address += 64)
      ASSERT_TRUE(filter->MayHold(Pointer(address)));
  });
}

TEST(FreeFilter, KeepsWhatIsPinned) {
  auto filter = Empty();
  filter->Pin(Pointer(0x1000));
  filter->Add(0x1000);
  filter->Remove(0x1000);
  filter->Remove(0x1000);
  EXPECT_TRUE(filter->MayHold(Pointer(0x1000)));
  filter->ClearInChild();
  EXPECT_TRUE(filter->MayHold(Pointer(0x1000)));
}

// Each thread's addresses meet those of the others in the same counters.
TEST(FreeFilter, LosesNoFreeBetweenThreads) {
  constexpr int kThreads = 8;
  constexpr std::uint64_t kEach = 64;
  auto filter = Empty();
  std::atomic<std::uint64_t> lost = 0;
  test::InParallel(kThreads, [&](int) {
    for (int round = 0; round < 2000; ++round) {
      for (std::uint64_t i = 0; i < kEach; ++i) filter->Add(0x1000 + i % 8 * 16);
      for (std::uint64_t i = 0; i < kEach; ++i) {
        if (!filter->MayHold(Pointer(0x1000 + i % 8 * 16))) ++lost;
        filter->Remove(0x1000 + i % 8 * 16);
      }
    }
  });
  EXPECT_EQ(lost.load(), 0u);
}

TEST(FreeFilter, HoldsNothingAfterAllThreadsRemovedTheirs) {
  constexpr std::uint64_t kEach = 30;  // 8 x 30 stays below saturation even on one counter
  auto filter = Empty();
  test::InParallel(8, [&](int thread) {
    const std::uint64_t first = 0x1000 + static_cast<std::uint64_t>(thread) * 16;
    for (int round = 0; round < 2000; ++round) {
      for (std::uint64_t i = 0; i < kEach; ++i) filter->Add(first + i * 16);
      for (std::uint64_t i = 0; i < kEach; ++i) filter->Remove(first + i * 16);
    }
  });
  for (std::uint64_t i = 0; i < 64; ++i) ASSERT_FALSE(filter->MayHold(Pointer(0x1000 + i * 16)));
}

}  // namespace
}  // namespace limpet
