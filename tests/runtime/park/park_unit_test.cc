// One thread's slot through waits that begin, nest, end and are left.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <memory>
#include <new>
#include <thread>

#include "runtime/park/park.h"

namespace limpet {
namespace {

constexpr std::uint64_t kBegin = 1'000'000;

WaitingPart PartOf(WaitReason reason, std::uint64_t since_ns = kBegin) {
  return {.wait = {.reason = reason, .object = 100 + static_cast<std::uint64_t>(reason)},
          .since_ns = since_ns,
          .stack = StackId{static_cast<std::uint32_t>(reason)},
          .state = ThreadState::kParked};
}

class ParkTest : public testing::Test {
 protected:
  ParkTest() { slot_->state = ThreadState::kRunning; }

  void Start(Park& park, const WaitingPart& part) {
    park.Start(slot_.get(), /*epoch=*/1, part.wait, {part.since_ns, part.stack},
               {0x401000, AddressOf(&park) + 200, 0}, &innermost_);
  }
  // What it tells, all zero where it tells nothing.
  FinishedWait End(Park& park, std::uint64_t now_ns, bool may_write = true) {
    told_ = {};
    park.End(now_ns, may_write, &innermost_, Tell);
    return told_;
  }
  static void Tell(const FinishedWait& wait) { told_ = wait; }

  static std::uint64_t AddressOf(const void* object) {
    return reinterpret_cast<std::uint64_t>(object);
  }
  void ExpectParked(WaitReason reason) {
    EXPECT_EQ(slot_->state, ThreadState::kParked);
    EXPECT_EQ(slot_->reason, reason);
    EXPECT_EQ(slot_->object, 100 + static_cast<std::uint64_t>(reason));
    EXPECT_EQ(slot_->stack, StackId{static_cast<std::uint32_t>(reason)});
    EXPECT_EQ(slot_->sequence % 2, 0u);
  }
  std::uint64_t GroupNs(WaitGroup group) {
    return slot_->group_ns[static_cast<std::uint32_t>(group)];
  }

  std::unique_ptr<ThreadSlot> slot_ = std::make_unique<ThreadSlot>();
  Park* innermost_ = nullptr;
  static inline FinishedWait told_;
};

TEST_F(ParkTest, ShowsTheWaitUntilItEnds) {
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  ExpectParked(WaitReason::kMutex);
  EXPECT_EQ(slot_->timeout_ns, kNoTimeout);
  EXPECT_EQ(slot_->descriptor, -1);
  End(park, kBegin + 500);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
  EXPECT_EQ(slot_->park_count, 1u);
  EXPECT_EQ(slot_->parked_ns, 500u);
  EXPECT_EQ(GroupNs(WaitGroup::kLock), 500u);
  EXPECT_EQ(innermost_, nullptr);
}

TEST_F(ParkTest, TellsWhatIsToBeAddedUp) {
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  const FinishedWait finished = End(park, kBegin + 500);
  EXPECT_EQ(finished.end_ns, kBegin + 500);
  EXPECT_EQ(finished.duration_ns, 500u);
  EXPECT_EQ(finished.reason, WaitReason::kMutex);
  EXPECT_EQ(finished.stack, PartOf(WaitReason::kMutex).stack);
}

TEST_F(ParkTest, TellsNothingWhereTheClockStoodStillOrItMayNotWrite) {
  for (const bool may_write : {false, true}) {
    Park park;
    Start(park, PartOf(WaitReason::kMutex));
    const std::uint64_t end = may_write ? kBegin : kBegin + 500;
    EXPECT_EQ(End(park, end, may_write).duration_ns, 0u);
  }
}

TEST_F(ParkTest, TellsOfEachOfTwoInsideOfEachOther) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kPoll));
  Start(inner, PartOf(WaitReason::kSleep, kBegin + 100));
  const FinishedWait slept = End(inner, kBegin + 400);
  const FinishedWait polled = End(outer, kBegin + 1000);
  EXPECT_EQ(slept.duration_ns, 300u);
  EXPECT_EQ(slept.stack, PartOf(WaitReason::kSleep).stack);
  EXPECT_EQ(polled.duration_ns, 700u);
  EXPECT_EQ(polled.stack, PartOf(WaitReason::kPoll).stack);
}

TEST_F(ParkTest, ThatIsSkippedChangesNothing) {
  Park park;
  park.Skip();
  EXPECT_FALSE(park.IsStarted());
  EXPECT_EQ(slot_->sequence, 0u);
}

TEST_F(ParkTest, OfAThreadThatHasLeftLeavesItSo) {
  slot_->state = ThreadState::kExited;
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  ExpectParked(WaitReason::kMutex);
  End(park, kBegin);
  EXPECT_EQ(slot_->state, ThreadState::kExited);
}

TEST_F(ParkTest, InAHandlerShowsWhileItLasts) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kPoll));
  Start(inner, PartOf(WaitReason::kSleep, kBegin + 100));
  ExpectParked(WaitReason::kSleep);
  End(inner, kBegin + 400);
  ExpectParked(WaitReason::kPoll);
  EXPECT_EQ(slot_->since_ns, kBegin);
  End(outer, kBegin + 1000);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
  EXPECT_EQ(slot_->park_count, 2u);
  EXPECT_EQ(GroupNs(WaitGroup::kSleep), 300u);
  EXPECT_EQ(GroupNs(WaitGroup::kPoll), 700u) << "what the handler waited is not the poll's";
}

TEST_F(ParkTest, InACompositeOneOnlyNests) {
  Park outer, inner, innermost;
  WaitingPart part = PartOf(WaitReason::kResolve);
  part.wait.is_composite = true;
  Start(outer, part);
  Start(inner, PartOf(WaitReason::kConnect));
  Start(innermost, PartOf(WaitReason::kPoll));
  ExpectParked(WaitReason::kResolve);
  End(innermost, kBegin + 10);
  End(inner, kBegin + 20);
  ExpectParked(WaitReason::kResolve);
  End(outer, kBegin + 30);
  EXPECT_EQ(slot_->park_count, 1u);
  EXPECT_EQ(slot_->parked_ns, 30u);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
}

// A handler between any two stores finds the part open, and leaves it so.
TEST_F(ParkTest, InTheMiddleOfAnothersStartIsReadableAndLeavesTheRestToIt) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kPoll));
  std::uint32_t shown = 0;
  {
    WaitingPartWriter writer(*slot_, /*stays_open=*/false);
    Start(inner, PartOf(WaitReason::kSleep));
    shown = slot_->sequence;
    EXPECT_EQ(shown % 2, 0u);
    End(inner, kBegin);
    EXPECT_EQ(slot_->sequence % 2, 1u) << "the writer is not done";
    writer.Write(PartOf(WaitReason::kPoll));
  }
  ExpectParked(WaitReason::kPoll);
  EXPECT_NE(slot_->sequence, shown) << "who read the handler's wait sees that it is over";
}

TEST_F(ParkTest, AfterOneThatWasLeftInTheMiddleIsReadable) {
  sys::AddOwn32(slot_->sequence, 1);
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  ExpectParked(WaitReason::kMutex);
}

// As where a jump leaves Start() between the two steps of the sequence.
TEST_F(ParkTest, ThatIsLeftWhileItStartsIsClosed) {
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  sys::AddOwn32(slot_->sequence, 1);
  park.Close();
  End(park, kBegin);
  EXPECT_EQ(slot_->sequence % 2, 0u);
  park.Close();
  EXPECT_EQ(slot_->sequence % 2, 0u) << "nothing was open";
}

TEST_F(ParkTest, ThatIsLeftInsideOfAnothersStartLeavesItOpen) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kPoll));
  WaitingPartWriter writer(*slot_, /*stays_open=*/false);
  Start(inner, PartOf(WaitReason::kSleep));
  sys::AddOwn32(slot_->sequence, 1);
  inner.Close();
  End(inner, kBegin);
  EXPECT_EQ(slot_->sequence % 2, 1u);
}

// A handler in the middle of a thread's entering enters it itself, and waits.
TEST_F(ParkTest, InTheMiddleOfASlotThatIsFilledTwiceIsReadableInTheEnd) {
  Park park;
  {
    WaitingPartWriter writer(*slot_, /*stays_open=*/false);
    { WaitingPartWriter again(*slot_, /*stays_open=*/false); }
    Start(park, PartOf(WaitReason::kSleep));
    End(park, kBegin);
  }
  EXPECT_EQ(slot_->sequence % 2, 0u);
}

TEST_F(ParkTest, ThatIsFinishedShowsNothingAndStillHoldsTheChain) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kOnce));
  outer.Finish(kBegin + 5, /*may_write=*/true, Tell);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
  Start(inner, PartOf(WaitReason::kSleep));
  ExpectParked(WaitReason::kSleep);
  End(inner, kBegin + 10);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
  EXPECT_EQ(innermost_, &outer);
  End(outer, kBegin + 1000);
  EXPECT_EQ(GroupNs(WaitGroup::kLock), 5u);
}

TEST_F(ParkTest, OfAnotherProcessDoesNotTouchTheSlot) {
  Park park;
  Start(park, PartOf(WaitReason::kMutex));
  slot_->state = ThreadState::kRunning;
  End(park, kBegin, /*may_write=*/false);
  EXPECT_EQ(slot_->park_count, 0u);
  EXPECT_EQ(innermost_, nullptr);
}

// --- Left by a jump ---

struct Frames {
  Park inner;  // lower, so further in
  Park outer;
};

bool IsAlive(const Park& park, const Park& inner, const StackBounds& own,
             const RememberedWalk* walk = nullptr) {
  auto page = std::make_unique<StackPage>();
  return park.IsAlive(&inner, {own, walk, page.get()});
}
constexpr StackBounds kEverything = {0, ~std::uint64_t{0}};

TEST_F(ParkTest, ThatAnotherStartsFurtherOutIsGone) {
  Frames frames;
  Start(frames.inner, PartOf(WaitReason::kRead));
  EXPECT_FALSE(IsAlive(frames.inner, frames.outer, kEverything));
  EXPECT_FALSE(IsAlive(frames.inner, frames.inner, kEverything));
}

TEST_F(ParkTest, WhoseCallerIsOnTheStackIsAlive) {
  Frames frames;
  Start(frames.outer, PartOf(WaitReason::kRead));
  const StackBounds& own = kEverything;
  auto walk = std::make_unique<RememberedWalk>();
  walk->depth = 1;
  walk->frames[0] = {.stack_pointer = AddressOf(&frames.outer) + 200, .frame = 0x401000};
  EXPECT_TRUE(IsAlive(frames.outer, frames.inner, own, walk.get()));
  walk->frames[0].frame = 0x402000;
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, own, walk.get())) << "another function's frame";
  walk->frames[0].stack_pointer += 8;
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, own, walk.get()));
  walk->is_truncated = true;
  EXPECT_TRUE(IsAlive(frames.outer, frames.inner, own, walk.get())) << "its mark is there";
}

TEST_F(ParkTest, OnASignalStackIsGoneForWhoRunsOnTheThreadsOwn) {
  Frames frames;
  Start(frames.outer, PartOf(WaitReason::kRead));
  const StackBounds own = {AddressOf(&frames.inner), AddressOf(&frames.inner) + 1};
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, own));
}

// Both on a stack that is not the thread's own.
TEST_F(ParkTest, OnAnotherStackIsAliveOnlyWhereTheWalkWentThroughIt) {
  Frames frames;
  Start(frames.outer, PartOf(WaitReason::kStreamRead));
  auto walk = std::make_unique<RememberedWalk>();
  walk->depth = 1;
  walk->frames[0] = {.stack_pointer = AddressOf(&frames.outer) + 200, .frame = 0x401000};
  EXPECT_TRUE(IsAlive(frames.outer, frames.inner, {}, walk.get()));
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, {}));
  walk->is_truncated = true;
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, {}, walk.get()));
  walk->is_truncated = false;
  walk->frames[0].stack_pointer += 8;
  EXPECT_FALSE(IsAlive(frames.outer, frames.inner, {}, walk.get()));
}

TEST_F(ParkTest, OnAStackThatIsGoneIsNotLookedAt) {
  constexpr std::size_t kBytes = 16 << 10;
  void* stack = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(stack, MAP_FAILED);
  auto* frames = new (stack) Frames;
  Start(frames->outer, PartOf(WaitReason::kStreamRead));
  munmap(stack, kBytes);
  auto walk = std::make_unique<RememberedWalk>();
  walk->depth = 1;
  EXPECT_FALSE(IsAlive(frames->outer, frames->inner, {}, walk.get())) << "it could be this stack's";
  Park here;
  EXPECT_FALSE(IsAlive(frames->outer, here, {}, walk.get()));
  const char* further_out = static_cast<char*>(stack) + kBytes;
  EXPECT_FALSE(frames->outer.IsAlive(further_out, {kEverything, nullptr, nullptr}));
}

TEST_F(ParkTest, ThatEndsAloneShowsNothingMore) {
  Park outer, inner;
  Start(outer, PartOf(WaitReason::kStreamRead));
  Start(inner, PartOf(WaitReason::kOnce));
  inner.EndAlone(kBegin + 10, /*may_write=*/true, Tell);
  EXPECT_EQ(slot_->state, ThreadState::kRunning);
  EXPECT_FALSE(inner.IsStarted());
  EXPECT_EQ(innermost_, &inner) << "the chain is another's by now";
}

TEST_F(ParkTest, IsLeftByAJumpOutwardsOfIt) {
  Park park;
  Start(park, PartOf(WaitReason::kRead));
  const StackBounds own = {0, ~std::uint64_t{0}};
  EXPECT_TRUE(park.IsLeftBy(AddressOf(&park) + 1000, own));
  EXPECT_FALSE(park.IsLeftBy(AddressOf(&park) - 1000, own));
  const StackBounds elsewhere = {AddressOf(&park) + 4096, AddressOf(&park) + 8192};
  EXPECT_TRUE(park.IsLeftBy(AddressOf(&park) + 5000, elsewhere));
}

// --- Read while it is written ---

TEST(WaitingPart, IsNeverAMixtureForAReader) {
  auto slot = std::make_unique<ThreadSlot>();
  std::atomic<bool> is_over = false;
  std::thread writer([&] {
    for (std::uint64_t i = 1; !is_over; ++i) {
      WaitingPartWriter part(*slot, /*stays_open=*/false);
      part.Write({.wait = {.object = i, .timeout_ns = 3 * i},
                  .since_ns = 2 * i,
                  .stack = StackId{static_cast<std::uint32_t>(i)},
                  .state = ThreadState::kParked});
    }
  });
  for (int whole = 0; whole < 20'000;) {
    const std::uint32_t before = slot->sequence.load();
    const std::uint64_t object = slot->object.load(), since = slot->since_ns.load(),
                        timeout = slot->timeout_ns.load();
    const auto stack = static_cast<std::uint32_t>(slot->stack.load());
    if (before == 0 || before % 2 != 0 || slot->sequence.load() != before) continue;
    ++whole;
    ASSERT_EQ(since, 2 * object);
    ASSERT_TRUE(timeout == 3 * object);
    ASSERT_EQ(stack, static_cast<std::uint32_t>(object));
  }
  is_over = true;
  writer.join();
}

}  // namespace
}  // namespace limpet
