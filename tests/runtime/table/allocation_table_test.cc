#include "runtime/table/allocation_table.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tests/runtime/table/parallel.h"
#include "tests/runtime/table/test_segment.h"

namespace limpet {
namespace {

using test::kMiB;

SampledBlock BlockAt(std::uint64_t address) {
  return {.address = address,
          .requested_bytes = 100,
          .weight = 2 * kWeightOne,
          .time_ns = 5,
          .stack = StackId{7},
          .thread_id = 11};
}

// A table in a segment of its own, and what a reader sees of it.
struct Ledger {
  explicit Ledger(std::uint64_t bytes, std::uint64_t expected = 1000)
      : segment(test::MakeSegment(bytes)), filter(std::make_unique<FreeFilter>()) {
    if (!table.Attach(segment.get(), filter.get(), expected)) abort();
  }

  bool Insert(std::uint64_t address) { return table.Insert(BlockAt(address)); }
  bool Forget(std::uint64_t address) {
    SlotId slot = table.Detach(address);
    if (slot == SlotId::kNone) return false;
    table.Release(slot);
    return true;
  }
  bool MayHold(std::uint64_t address) const {
    return filter->MayHold(reinterpret_cast<const void*>(address));
  }

  AllocationSlot* slots() const {
    return segment->Entries<AllocationSlot>(SectionKind::kAllocations);
  }
  std::uint64_t used() const { return test::Used(*segment, SectionKind::kAllocations); }
  std::uint64_t capacity() const { return test::Capacity(*segment, SectionKind::kAllocations); }
  std::uint64_t dropped() const { return segment->counters().dropped_allocations_full.load(); }
  std::multiset<std::uint64_t> Live() const {
    std::multiset<std::uint64_t> live;
    for (std::uint64_t i = 0; i < used(); ++i) {
      EXPECT_EQ(slots()[i].generation.load() % 2, 0u) << i;
      if (slots()[i].address.load() != 0) live.insert(slots()[i].address.load());
    }
    return live;
  }

  std::unique_ptr<SegmentWriter> segment;
  std::unique_ptr<FreeFilter> filter;
  AllocationTable table;
};

using Live = std::multiset<std::uint64_t>;

TEST(AllocationTable, ShowsABlockWithAllThatIsKnownOfIt) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  ASSERT_EQ(ledger.used(), 1u);
  const AllocationSlot& slot = ledger.slots()[0];
  EXPECT_EQ(slot.address.load(), 0x1000u);
  EXPECT_EQ(slot.requested_bytes.load(), 100u);
  EXPECT_EQ(slot.weight.load(), 2 * kWeightOne);
  EXPECT_EQ(slot.time_ns.load(), 5u);
  EXPECT_EQ(slot.stack.load(), StackId{7});
  EXPECT_EQ(slot.thread_id.load(), 11u);
}

TEST(AllocationTable, MakesFreesOfABlockBeLookedAt) {
  Ledger ledger(kMiB);
  EXPECT_FALSE(ledger.MayHold(0x1000));
  ASSERT_TRUE(ledger.Insert(0x1000));
  EXPECT_TRUE(ledger.MayHold(0x1000));
  ASSERT_TRUE(ledger.Forget(0x1000));
  EXPECT_FALSE(ledger.MayHold(0x1000));
}

TEST(AllocationTable, ForgetsAFreedBlock) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  ASSERT_TRUE(ledger.Insert(0x2000));
  EXPECT_TRUE(ledger.Forget(0x1000));
  EXPECT_EQ(ledger.Live(), Live({0x2000}));
  EXPECT_FALSE(ledger.Forget(0x1000));
}

TEST(AllocationTable, KnowsNoBlockThatWasNotSampled) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  EXPECT_EQ(ledger.table.Detach(0x1010), SlotId::kNone);
  EXPECT_EQ(ledger.table.Detach(0), SlotId::kNone);
}

TEST(AllocationTable, ShowsADetachedBlockUntilItIsReleased) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  const SlotId slot = ledger.table.Detach(0x1000);
  ASSERT_NE(slot, SlotId::kNone);
  EXPECT_EQ(ledger.table.Detach(0x1000), SlotId::kNone);
  EXPECT_EQ(ledger.Live(), Live({0x1000}));
  ledger.table.Release(slot);
  EXPECT_TRUE(ledger.Live().empty());
}

TEST(AllocationTable, KeepsABlockWhoseReallocFailed) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  ledger.table.Reattach(ledger.table.Detach(0x1000));
  EXPECT_TRUE(ledger.MayHold(0x1000));
  EXPECT_EQ(ledger.Live(), Live({0x1000}));
  EXPECT_EQ(ledger.slots()[0].weight.load(), 2 * kWeightOne);
  EXPECT_TRUE(ledger.Forget(0x1000));
  EXPECT_FALSE(ledger.MayHold(0x1000));
}

// realloc frees the old block itself, and another thread may get its address before we are told.
TEST(AllocationTable, HoldsANewBlockAtTheAddressOfADetachedOne) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  const SlotId old = ledger.table.Detach(0x1000);
  ASSERT_TRUE(ledger.Insert(0x1000));
  ledger.table.Release(old);
  EXPECT_EQ(ledger.Live(), Live({0x1000}));
  EXPECT_TRUE(ledger.Forget(0x1000));
  EXPECT_TRUE(ledger.Live().empty());
}

TEST(AllocationTable, ForgetsBlockFreedByAnotherThread) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  std::thread([&] { EXPECT_TRUE(ledger.Forget(0x1000)); }).join();
  EXPECT_TRUE(ledger.Live().empty());
}

TEST(AllocationTable, TakesFreedSlotsAgain) {
  Ledger ledger(kMiB);
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(ledger.Insert(0x1000 + i * 16));
    ASSERT_TRUE(ledger.Forget(0x1000 + i * 16));
  }
  EXPECT_EQ(ledger.used(), 1u);
  EXPECT_EQ(ledger.slots()[0].generation.load(), 400'000u);
}

// Whoever frees keeps the slot in a list of its own; it must not stay there for ever.
TEST(AllocationTable, TakesSlotsThatOtherThreadsFreed) {
  constexpr int kThreads = 40;
  Ledger ledger(kMiB);
  for (std::uint64_t i = 0; i < kThreads; ++i) ASSERT_TRUE(ledger.Insert(0x1000 + i * 16));
  test::InParallel(kThreads, [&](int i) {
    EXPECT_TRUE(ledger.Forget(0x1000 + static_cast<std::uint64_t>(i) * 16));
  });
  for (std::uint64_t i = 0; i < kThreads; ++i) ASSERT_TRUE(ledger.Insert(0x9000 + i * 16));
  EXPECT_EQ(ledger.used(), std::uint64_t{kThreads});
}

TEST(AllocationTable, CountsWhatDoesNotFit) {
  Ledger ledger(kMiB);
  for (std::uint64_t i = 0; i < ledger.capacity(); ++i) {
    ASSERT_TRUE(ledger.Insert(0x1000 + i * 16)) << i;
  }
  EXPECT_FALSE(ledger.Insert(0x10));
  EXPECT_FALSE(ledger.MayHold(0x10) && ledger.Forget(0x10));
  EXPECT_EQ(ledger.dropped(), 1u);
  EXPECT_EQ(ledger.Live().size(), ledger.capacity());
}

TEST(AllocationTable, HasRoomAgainOnceABlockIsFreed) {
  Ledger ledger(kMiB);
  for (std::uint64_t i = 0; i <= ledger.capacity(); ++i) ledger.Insert(0x1000 + i * 16);
  ASSERT_TRUE(ledger.Forget(0x1000));
  EXPECT_TRUE(ledger.Insert(0x10));
  EXPECT_EQ(ledger.dropped(), 1u);
}

TEST(AllocationTable, StartsEmptyInAFreshSegment) {
  Ledger ledger(kMiB);
  ASSERT_TRUE(ledger.Insert(0x1000));
  auto fresh = test::MakeSegment(kMiB);
  ledger.filter->ClearInChild();
  ASSERT_TRUE(ledger.table.Attach(fresh.get(), ledger.filter.get(), 1000));
  EXPECT_EQ(ledger.table.Detach(0x1000), SlotId::kNone);
  EXPECT_TRUE(ledger.Insert(0x2000));
  EXPECT_EQ(test::Used(*fresh, SectionKind::kAllocations), 1u);
}

// An allocator that hands out an address again as soon as it is free, as malloc does.
class Heap {
 public:
  std::uint64_t Take() {
    std::lock_guard lock(mutex_);
    if (free_.empty()) return fresh_ += 16;
    std::uint64_t address = free_.back();
    free_.pop_back();
    return address;
  }
  void Free(std::uint64_t address) {
    std::lock_guard lock(mutex_);
    free_.push_back(address);
  }

 private:
  std::mutex mutex_;
  std::vector<std::uint64_t> free_;
  std::uint64_t fresh_ = 0x1000;
};

class Mailbox {
 public:
  void Put(std::uint64_t address) {
    std::lock_guard lock(mutex_);
    queue_.push_back(address);
  }
  std::uint64_t TakeOr0() {
    std::lock_guard lock(mutex_);
    if (queue_.empty()) return 0;
    std::uint64_t address = queue_.front();
    queue_.pop_front();
    return address;
  }

 private:
  std::mutex mutex_;
  std::deque<std::uint64_t> queue_;
};

// The generation tells a reader whether what it copied is whole.
TEST(AllocationTable, NeverShowsHalfABlockUnderAnEvenGeneration) {
  Ledger ledger(kMiB);
  ledger.Insert(0x10);
  ledger.Forget(0x10);
  const AllocationSlot& slot = ledger.slots()[0];
  std::atomic<bool> is_done = false;
  int torn = 0;
  test::InParallel(2, [&](int thread) {
    for (std::uint64_t i = 1; thread == 0 && i <= 200'000; ++i) {
      SampledBlock block = {i * 16, i, i, i, StackId{7}, 11};
      ledger.table.Insert(block);
      ledger.Forget(i * 16);
    }
    if (thread == 0) is_done = true;
    while (!is_done) {
      const std::uint32_t before = slot.generation.load(std::memory_order_acquire);
      const std::uint64_t address = slot.address.load(std::memory_order_acquire);
      const std::uint64_t bytes = slot.requested_bytes.load(std::memory_order_acquire);
      const std::uint64_t weight = slot.weight.load(std::memory_order_acquire);
      if (before % 2 != 0 || slot.generation.load(std::memory_order_relaxed) != before) continue;
      if (address != 0 && (address != bytes * 16 || weight != bytes)) ++torn;
    }
  });
  EXPECT_EQ(torn, 0);
}

// Each thread allocates for its neighbour, who frees; addresses go round at once.
TEST(AllocationTable, HasNothingLiveAfterThreadsFreedEachOthersBlocks) {
  constexpr int kThreads = 4;
  constexpr int kBlocks = 30'000;
  Ledger ledger(16 * kMiB, kThreads * kBlocks);  // room for all, should one thread never run
  Heap heap;
  Mailbox mailboxes[kThreads];
  std::atomic<int> unknown = 0;
  auto free_block = [&](std::uint64_t address) {
    if (!ledger.MayHold(address) || !ledger.Forget(address)) ++unknown;
    heap.Free(address);
  };
  test::InParallel(kThreads, [&](int thread) {
    for (int i = 0; i < kBlocks; ++i) {
      std::uint64_t address = heap.Take();
      if (!ledger.Insert(address)) ++unknown;
      if (SlotId slot = i % 7 == 0 ? ledger.table.Detach(address) : SlotId::kNone;
          slot != SlotId::kNone) {
        ledger.table.Reattach(slot);
      }
      mailboxes[(thread + 1) % kThreads].Put(address);
      if (std::uint64_t received = mailboxes[thread].TakeOr0()) free_block(received);
    }
  });
  for (Mailbox& mailbox : mailboxes) {
    while (std::uint64_t received = mailbox.TakeOr0()) free_block(received);
  }
  EXPECT_EQ(unknown.load(), 0);
  EXPECT_TRUE(ledger.Live().empty());
  EXPECT_EQ(ledger.dropped(), 0u);
}

}  // namespace
}  // namespace limpet
