#include "tools/profile/wait_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kSecond = 1'000'000'000;

// Thread N has the number N and the index N - 1; all run until they are said to wait.
class WaitVerdict : public ::testing::Test {
 protected:
  WaitVerdict() {
    for (std::uint32_t number = 1; number <= 8; ++number) {
      dump_.threads.push_back(
          {.number = number, .thread_id = 100 + number, .state = kRunningState});
    }
  }

  ListedThread& Thread(std::uint32_t number) { return dump_.threads[number - 1]; }

  ListedThread& Wait(std::uint32_t number, std::uint32_t owner,
                     WaitReason wait = WaitReason::kMutex) {
    ListedThread& thread = Thread(number);
    thread.state = "waiting";
    thread.wait = wait;
    thread.object = 0x1000 * owner;
    thread.waited_ns = number * kSecond;
    thread.owner_number = owner;
    thread.owner_thread_id = 100 + owner;
    thread.owner_life = OwnerLife::kAlive;
    return thread;
  }

  void WaitForEnded(std::uint32_t number, WaitReason wait = WaitReason::kMutex) {
    ListedThread& thread = Wait(number, 0, wait);
    thread.owner_thread_id = 99;
    thread.owner_life = OwnerLife::kExited;
  }

  std::vector<WaitFinding> Judge() const { return JudgeWaits(dump_, dump_); }

  ThreadDump dump_;
};

TEST_F(WaitVerdict, FindsARingAndWhoWaitsBehindIt) {
  Wait(2, 3);
  Wait(3, 5);
  Wait(5, 2);
  Wait(6, 3);
  Wait(7, 6);
  Wait(1, 7, WaitReason::kJoin);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kDeadlock);
  EXPECT_THAT(found[0].threads, ElementsAre(1, 2, 4)) << "each waits for the next one";
  EXPECT_THAT(found[0].behind, ElementsAre(6, 5, 0)) << "for locks first, longest first";
  EXPECT_EQ(found[0].behind_ns, 14 * kSecond);
}

TEST_F(WaitVerdict, FindsEachRing) {
  Wait(2, 3);
  Wait(3, 2, WaitReason::kJoin);
  Wait(4, 4);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_THAT(found[0].threads, ElementsAre(1, 2));
  EXPECT_THAT(found[1].threads, ElementsAre(3)) << "it waits for itself";
}

TEST_F(WaitVerdict, KnowsThatAWaitWithATimeoutEnds) {
  Wait(2, 3);
  Wait(3, 2).timeout_ns = kSecond;
  EXPECT_THAT(Judge(), IsEmpty());
}

TEST_F(WaitVerdict, FindsALockWhoseOwnerHasEnded) {
  WaitForEnded(2);
  WaitForEnded(3);
  WaitForEnded(4, WaitReason::kJoin);  // which is over at once
  Wait(1, 2, WaitReason::kJoin);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kOrphanedLock);
  EXPECT_THAT(found[0].threads, ElementsAre(1, 2));
  EXPECT_THAT(found[0].behind, ElementsAre(0));
}

TEST_F(WaitVerdict, FindsWhoHoldsOthersUp) {
  Wait(2, 7).timeout_ns = 60 * kSecond;
  Wait(3, 2);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kConvoy);
  EXPECT_THAT(found[0].threads, ElementsAre(6)) << "at the root";
  EXPECT_THAT(found[0].behind, ElementsAre(2, 1));
}

TEST_F(WaitVerdict, TakesNoThreadThatIsJoinedForAConvoy) {
  Wait(1, 2, WaitReason::kJoin);
  Wait(3, 4, WaitReason::kJoin);
  EXPECT_THAT(Judge(), IsEmpty());
}

TEST_F(WaitVerdict, TakesNoPoolForAConvoyWhoseLeaderWaitsForWhateverComes) {
  for (std::uint32_t number = 2; number <= 4; ++number) Thread(number).creation_locations = {7, 8};
  Wait(2, 4);
  Wait(3, 4);
  Wait(4, 0, WaitReason::kPoll).owner_thread_id = 0;
  EXPECT_THAT(Judge(), IsEmpty());
  Thread(4).creation_locations = {9};
  EXPECT_THAT(Judge(), SizeIs(1)) << "who holds the lock is none of the pool";
}

TEST_F(WaitVerdict, BelievesOnlyWhatStaysTheSame) {
  const ListedThread waiting = Wait(2, 2);
  const ThreadDump before = dump_;
  EXPECT_THAT(JudgeWaits(before, dump_), SizeIs(1));
  Thread(2).park_count = 1;
  EXPECT_THAT(JudgeWaits(before, dump_), IsEmpty()) << "it waits again";
  Thread(2) = waiting;
  Thread(2).object = 1;
  EXPECT_THAT(JudgeWaits(before, dump_), IsEmpty()) << "it waits for another lock";
  Thread(2) = waiting;
  Thread(2).waited_ns = 1;
  EXPECT_THAT(JudgeWaits(before, dump_), IsEmpty()) << "it has begun to wait since";
  Thread(2) = waiting;
  Thread(2).thread_id = 1;
  EXPECT_THAT(JudgeWaits(before, dump_), IsEmpty()) << "it is another thread";
  EXPECT_THAT(JudgeWaits({}, dump_), IsEmpty());
}

TEST_F(WaitVerdict, OfTheDeadAsksHowLongAConvoyLasted) {
  Wait(2, 3);
  Wait(3, 2);
  Wait(4, 7).waited_ns = kVerdictPauseNs - 1;
  dump_.threads[1].waited_ns.reset();
  EXPECT_THAT(JudgeLastWaits(dump_), SizeIs(1));
  Thread(4).waited_ns = kVerdictPauseNs;
  EXPECT_THAT(JudgeLastWaits(dump_), SizeIs(2));
}

// As a forged segment may have them: looked at once each.
TEST_F(WaitVerdict, FollowsALongWayInNoLongTime) {
  constexpr std::uint32_t kThreads = 200'000;
  for (std::uint32_t number = 9; number <= kThreads; ++number)
    dump_.threads.push_back({.number = number, .thread_id = 100 + number});
  for (std::uint32_t number = 2; number <= kThreads; ++number) Wait(number, number - 1);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].threads, ElementsAre(0));
  EXPECT_THAT(found[0].behind, SizeIs(kThreads - 1));
}

// Rings that are none for ever, and owners that do not exist.
TEST_F(WaitVerdict, BearsForgedOwners) {
  for (std::uint32_t number = 1; number <= 8; ++number) {
    Wait(number, number % 8 + 1).timeout_ns = kSecond;
  }
  EXPECT_THAT(Judge(), IsEmpty());
  Wait(5, 4711);
  Wait(6, 5);
  EXPECT_THAT(Judge(), SizeIs(1));
}

// Who waits to write.
void WaitForReaders(ListedThread& thread, std::vector<std::uint32_t> readers) {
  thread.state = "waiting";
  thread.wait = WaitReason::kWriteLock;
  thread.object = 0x9000;
  thread.waited_ns = kSecond;
  thread.readers = std::move(readers);
}

TEST_F(WaitVerdict, FindsAReaderThatWantsToWriteAsWell) {
  WaitForReaders(Thread(2), {2});
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kDeadlock);
  EXPECT_THAT(found[0].threads, ElementsAre(1));
}

TEST_F(WaitVerdict, FindsTheRingThroughOneOfManyReaders) {
  WaitForReaders(Thread(2), {3, 4, 5, 6});
  Wait(3, 7, WaitReason::kJoin);
  Wait(5, 8, WaitReason::kJoin);
  Wait(8, 2);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kDeadlock);
  EXPECT_THAT(found[0].threads, ElementsAre(1, 4, 7));
}

TEST_F(WaitVerdict, FollowsAReaderThatWaitsItself) {
  WaitForReaders(Thread(2), {3, 4});
  Wait(4, 5);
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kConvoy);
  EXPECT_THAT(found[0].threads, ElementsAre(4));
  EXPECT_THAT(found[0].behind, ElementsAre(3, 1));
}

// Readers that come and go hold nobody up for long.
TEST_F(WaitVerdict, KnowsReadersThatAreOthersByNow) {
  ThreadDump before = dump_;
  WaitForReaders(before.threads[1], {3, 4});
  WaitForReaders(Thread(2), {5, 6});
  EXPECT_THAT(JudgeWaits(before, dump_), IsEmpty());
  WaitForReaders(Thread(2), {4, 5});
  const std::vector<WaitFinding> found = JudgeWaits(before, dump_);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].threads, ElementsAre(3));
}

TEST_F(WaitVerdict, FindsWhatAReaderLeftBehind) {
  WaitForReaders(Thread(2), {});
  Thread(2).owner_number = 77;
  Thread(2).owner_thread_id = 99;
  Thread(2).owner_life = OwnerLife::kExited;
  const std::vector<WaitFinding> found = Judge();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].kind, WaitFindingKind::kOrphanedLock);
}

}  // namespace
}  // namespace limpet
