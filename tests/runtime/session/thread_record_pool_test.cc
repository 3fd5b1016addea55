#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "runtime/thread_record.h"
#include "tests/runtime/table/parallel.h"

namespace limpet {
namespace {

constexpr std::size_t kMostRecords = 64 * 512;

std::uint32_t OwnId() { return static_cast<std::uint32_t>(getpid()); }
std::unique_ptr<ThreadRecordPool> Pool() { return std::make_unique<ThreadRecordPool>(); }

TEST(ThreadRecordPool, HandsOutDistinctRecords) {
  auto pool = Pool();
  std::set<ThreadRecord*> records;
  std::set<std::uint32_t> ids;
  for (int i = 0; i < 200; ++i) {
    ThreadRecord* record = pool->Claim(OwnId());
    ASSERT_NE(record, nullptr);
    records.insert(record);
    ids.insert(record->id);
  }
  EXPECT_EQ(records.size(), 200u);
  EXPECT_EQ(*ids.begin(), 0u);
  EXPECT_EQ(*ids.rbegin(), 199u);
}

TEST(ThreadRecordPool, HandsOutAReleasedRecordFirst) {
  auto pool = Pool();
  pool->Claim(OwnId());
  ThreadRecord* record = pool->Claim(OwnId());
  const std::uint32_t id = record->id;
  pool->Release(record);
  EXPECT_EQ(pool->Claim(OwnId()), record);
  EXPECT_EQ(record->id, id);
}

TEST(ThreadRecordPool, HandsOutRecordsThatKnowNothingOfTheLastThread) {
  auto pool = Pool();
  ThreadRecord* record = pool->Claim(OwnId());
  record->own_stack = {1, 2};
  record->walk.depth = record->walk.reused = 5;
  pool->Release(record);
  ASSERT_EQ(pool->Claim(OwnId()), record);
  EXPECT_EQ(record->own_stack.high, 0u);
  EXPECT_EQ(record->walk.depth, 0u);
  EXPECT_EQ(record->walk.reused, 0u);
}

TEST(ThreadRecordPool, HasAnEnd) {
  auto pool = Pool();
  std::vector<ThreadRecord*> records;
  while (ThreadRecord* record = pool->Claim(OwnId())) records.push_back(record);
  EXPECT_EQ(records.size(), kMostRecords);
  EXPECT_EQ(pool->Claim(OwnId()), nullptr);
  pool->Release(records[77]);
  EXPECT_EQ(pool->Claim(OwnId()), records[77]);
}

TEST(ThreadRecordPool, HasAllRecordsAgainAfterAResetButTheKeptOne) {
  auto pool = Pool();
  std::set<ThreadRecord*> records;
  for (int i = 0; i < 100; ++i) records.insert(pool->Claim(OwnId()));
  ThreadRecord* kept = *records.begin();
  pool->Release(*records.rbegin());  // on the free list already
  pool->Reset(kept);
  std::set<ThreadRecord*> again;
  for (int i = 0; i < 99; ++i) again.insert(pool->Claim(OwnId()));
  EXPECT_EQ(again.count(kept), 0u);
  again.insert(kept);
  EXPECT_EQ(again, records);
  EXPECT_EQ(records.count(pool->Claim(OwnId())), 0u);
}

TEST(ThreadRecordPool, KeepsNoneWhereThereIsNoneToKeep) {
  auto pool = Pool();
  ThreadRecord* record = pool->Claim(OwnId());
  pool->Reset(nullptr);
  EXPECT_EQ(pool->Claim(OwnId()), record);
}

// join() returns a moment before the kernel has forgotten the thread.
void WaitUntilForgotten(pid_t thread) {
  while (tgkill(getpid(), thread, 0) == 0) sched_yield();
  EXPECT_EQ(errno, ESRCH);
}

// The record of a thread that claimed it, retired it and is gone.
ThreadRecord* RetireInAThread(ThreadRecordPool& pool) {
  ThreadRecord* record = nullptr;
  pid_t id = 0;
  std::thread([&] {
    record = pool.Claim(OwnId());
    id = gettid();
    pool.Retire(record);
  }).join();
  WaitUntilForgotten(id);
  return record;
}

TEST(ThreadRecordPool, LeavesARetiredRecordToItsThreadWhileThatLives) {
  auto pool = Pool();
  ThreadRecord* record = pool->Claim(OwnId());
  pool->Retire(record);
  for (int i = 0; i < 10; ++i) EXPECT_NE(pool->Claim(OwnId()), record);
}

TEST(ThreadRecordPool, HandsOutARetiredRecordOnceItsThreadIsGone) {
  auto pool = Pool();
  ThreadRecord* record = RetireInAThread(*pool);
  EXPECT_EQ(pool->Claim(OwnId()), record);
  EXPECT_NE(pool->Claim(OwnId()), record);
}

TEST(ThreadRecordPool, FindsARecordOfAGoneThreadBehindThatOfALiveOne) {
  auto pool = Pool();
  ThreadRecord* own = pool->Claim(OwnId());
  ThreadRecord* record = RetireInAThread(*pool);
  pool->Retire(own);
  EXPECT_EQ(pool->Claim(OwnId()), record);
}

TEST(ThreadRecordPool, ComesToARecordOfAGoneThreadBehindThoseOfManyLiveOnes) {
  constexpr int kLive = 100;
  auto pool = Pool();
  std::vector<ThreadRecord*> own;
  for (int i = 0; i < kLive; ++i) own.push_back(pool->Claim(OwnId()));
  ThreadRecord* record = RetireInAThread(*pool);
  for (ThreadRecord* live : own) pool->Retire(live);
  int claims = 0;
  while (claims < kLive && pool->Claim(OwnId()) != record) ++claims;
  EXPECT_LT(claims, 10) << "each claim looks at 16";
}

TEST(ThreadRecordPool, SharesFewRecordsAmongThreadsThatComeAndGo) {
  auto pool = Pool();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(RetireInAThread(*pool)->id, 0u);
}

TEST(ThreadRecordPool, HasRetiredRecordsAgainAfterAReset) {
  auto pool = Pool();
  ThreadRecord* record = pool->Claim(OwnId());
  pool->Retire(record);
  pool->Reset(nullptr);  // the child of a fork: that thread is not in it
  EXPECT_EQ(pool->Claim(OwnId()), record);
  EXPECT_NE(pool->Claim(OwnId()), record);
}

TEST(ThreadRecordPool, GivesARecordToOneThreadAtATime) {
  constexpr int kThreads = 8;
  auto pool = Pool();
  std::vector<std::atomic<int>> owners(kThreads * 4);
  std::atomic<int> shared = 0;
  std::atomic<int> missing = 0;
  test::InParallel(kThreads, [&](int) {
    for (int i = 0; i < 20'000; ++i) {
      ThreadRecord* held[3] = {};
      for (ThreadRecord*& record : held) {
        record = pool->Claim(OwnId());
        if (record == nullptr || record->id >= owners.size()) {
          ++missing;
          return;
        }
        if (owners[record->id]++ != 0) ++shared;
        record->walk.depth = record->id;  // a plain write: a race if two threads had it
      }
      for (ThreadRecord* record : held) {
        if (record->walk.depth != record->id) ++shared;
        --owners[record->id];
        pool->Release(record);
      }
    }
  });
  EXPECT_EQ(shared.load(), 0);
  EXPECT_EQ(missing.load(), 0);
}

}  // namespace
}  // namespace limpet
