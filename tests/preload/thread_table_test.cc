// Who each thread is, who made it, and how its life ends.

#include <set>

#include "runtime/layout/thread_slot.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/thread_facts.h"

namespace limpet {
namespace {

constexpr char kThreadLives[] = LIMPET_PROGRAMS "/thread_lives";
constexpr auto kExited = ThreadState::kExited;

SegmentSnapshot SnapshotOf(const char* mode) {
  TracedProgram program({kThreadLives, mode}, {});
  program.WaitUntilReady();
  SegmentSnapshot snapshot = program.Read();
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  return snapshot;
}

TEST(ThreadTable, KnowsNamesHoweverTheyAreGiven) {
  const SegmentSnapshot snapshot = SnapshotOf("names");
  EXPECT_EQ(ThreadNamed(snapshot, "by another").creator_number, 1u);
  EXPECT_EQ(ThreadNamed(snapshot, "by itself").creator_number, 1u);
  std::size_t parents = 0;
  for (const ThreadRecord& thread : snapshot.threads) parents += thread.name == "parent" ? 1u : 0u;
  EXPECT_EQ(parents, 2u) << "a new thread has its creator's name";
}

TEST(ThreadTable, KeepsANameWhereAVforkChildTakesAnother) {
  EXPECT_EQ(ThreadNamed(SnapshotOf("child_name"), "thread_lives").number, 1u);
}

TEST(ThreadTable, CountsThreadsAndKnowsWhoMadeThem) {
  const SegmentSnapshot snapshot = SnapshotOf("names");
  const ThreadRecord main = ThreadNamed(snapshot, "thread_lives");
  EXPECT_EQ(main.number, 1u);
  EXPECT_EQ(main.creator_number, 0u);
  EXPECT_EQ(main.thread_id, snapshot.pid);
  std::set<std::uint32_t> numbers;
  std::size_t grandchildren = 0;
  for (const ThreadRecord& thread : snapshot.threads) {
    numbers.insert(thread.number);
    EXPECT_NE(thread.started_ns, 0u);
    if (thread.number == 1) continue;
    EXPECT_EQ(LeafOf(snapshot, thread.creation_stack).name.find("(anonymous namespace)::Start("),
              0u);
    if (thread.creator_number == 1) continue;
    ++grandchildren;
    EXPECT_EQ(thread.number, 5u);
    for (const ThreadRecord& parent : snapshot.threads) {
      EXPECT_TRUE(parent.number != thread.creator_number ||
                  parent.thread_id == thread.creator_thread_id);
    }
  }
  EXPECT_EQ(numbers, (std::set<std::uint32_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(grandchildren, 1u);
}

TEST(ThreadTable, KeepsWhoHasEndedAndWasNotJoined) {
  const SegmentSnapshot snapshot = SnapshotOf("ends");
  const ThreadRecord ended = ThreadNamed(snapshot, "ended");
  EXPECT_EQ(ended.state, kExited);
  EXPECT_EQ(ended.life, 0u);
  const ThreadRecord joined = ThreadNamed(snapshot, "joined");
  EXPECT_EQ(joined.state, kExited);
  EXPECT_EQ(joined.life, kThreadJoined);
  EXPECT_EQ(ThreadNamed(snapshot, "joined late").life, kThreadJoined);
  EXPECT_EQ(ThreadNamed(snapshot, "detached late").life, kThreadDetached);
}

// Threads of that name and how many of them are as expected.
void ExpectAll(const SegmentSnapshot& snapshot, const std::string& name, std::size_t count,
               std::uint32_t life) {
  std::size_t found = 0;
  for (const ThreadRecord& thread : snapshot.threads) {
    if (thread.name != name) continue;
    ++found;
    EXPECT_EQ(thread.state, kExited) << name << ' ' << thread.number;
    EXPECT_EQ(thread.life, life) << name << ' ' << thread.number;
  }
  EXPECT_EQ(found, count) << name;
}

TEST(ThreadTable, TakesNobodyForJoinedWhoHasAJoinedOnesPlace) {
  ExpectAll(SnapshotOf("joined_late"), "later", 60, 0);
}

TEST(ThreadTable, TakesNobodyForJoinedWhereTheJoinFailed) {
  const SegmentSnapshot snapshot = SnapshotOf("failed_joins");
  ExpectAll(snapshot, "by itself", 1, 0);
  ExpectAll(snapshot, "timed out", 1, 0);
  ExpectAll(snapshot, "given up", 1, 0);
  ExpectAll(snapshot, "tried", 1, kThreadJoined);
}

TEST(ThreadTable, KnowsWhoIsJoinedBeforeItStarts) {
  const SegmentSnapshot snapshot = SnapshotOf("joined_at_once");
  for (const ThreadRecord& thread : snapshot.threads) {
    EXPECT_TRUE(thread.number == 1 || thread.life == kThreadJoined) << thread.number;
  }
  EXPECT_LT(snapshot.threads.size(), 50u) << "they have the same places one after the other";
}

TEST(ThreadTable, KnowsWhoWasInterruptedBeforeItStarted) {
  const SegmentSnapshot snapshot = SnapshotOf("interrupted");
  EXPECT_EQ(snapshot.threads.size(), 2u);
  const ThreadRecord thread = ThreadNamed(snapshot, "interrupted");
  EXPECT_EQ(thread.number, 2u);
  EXPECT_EQ(thread.creator_number, 1u);
  EXPECT_TRUE(IsParked(thread));
  EXPECT_EQ(thread.reason, WaitReason::kPause);
}

TEST(ThreadTable, FindsOutThatThoseHaveEndedWhomNoHookSawStart) {
  const SegmentSnapshot snapshot = SnapshotOf("unseen");
  std::size_t unseen = 0;
  for (const ThreadRecord& thread : snapshot.threads) {
    if (thread.name != "unseen") continue;
    ++unseen;
    EXPECT_EQ(thread.state, kExited) << thread.number;
    EXPECT_EQ(thread.life, kThreadDetached) << "nobody can join it";
    EXPECT_EQ(thread.park_count, 1u);
  }
  EXPECT_GT(unseen, 5u);
  for (const auto& [name, value] : snapshot.counters) {
    EXPECT_TRUE(name != "foreign_stacks" || value == 0) << "they waited on stacks of their own";
  }
}

TEST(ThreadTable, KnowsWhoMadeTheThreadThatLibcHasForTimers) {
  const SegmentSnapshot snapshot = SnapshotOf("timers");
  ASSERT_EQ(snapshot.threads.size(), 2u) << "one for all timers";
  const ThreadRecord& thread = snapshot.threads[snapshot.threads[0].number == 1 ? 1 : 0];
  EXPECT_EQ(thread.number, 2u);
  EXPECT_EQ(thread.creator_number, 1u);
  EXPECT_EQ(thread.life, kThreadDetached);
  EXPECT_TRUE(IsParked(thread));
  EXPECT_EQ(thread.reason, WaitReason::kSleep);
  EXPECT_NE(thread.thread_id, snapshot.pid);
  EXPECT_EQ(LeafOf(snapshot, thread.creation_stack).name, "(anonymous namespace)::MakeTimer()");
}

// It calls malloc then, which is sampled.
TEST(ThreadTable, ListsTheThreadForTimersOnceThoughTheyExpire) {
  TracedProgram program({kThreadLives, "unseen"}, {kExact});
  program.WaitUntilReady();
  const SegmentSnapshot snapshot = program.Read();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  std::size_t found = 0;
  for (const ThreadRecord& thread : snapshot.threads) {
    if (LeafOf(snapshot, thread.creation_stack).name != "(anonymous namespace)::MakeTimer()")
      continue;
    ++found;
    EXPECT_TRUE(IsParked(thread));
    EXPECT_EQ(thread.life, kThreadDetached);
    for (const ThreadRecord& other : snapshot.threads)
      EXPECT_TRUE(other.number == thread.number || other.thread_id != thread.thread_id);
  }
  EXPECT_EQ(found, 1u);
}

TEST(ThreadTable, KnowsWhoIsDetached) {
  const SegmentSnapshot snapshot = SnapshotOf("detached");
  for (const char* name : {"made detached", "detached", "of C11"}) {
    const ThreadRecord thread = ThreadNamed(snapshot, name);
    EXPECT_EQ(thread.life, kThreadDetached) << name;
    EXPECT_TRUE(IsParked(thread)) << name;
    EXPECT_EQ(thread.reason, WaitReason::kPause) << name;
  }
}

TEST(ThreadTable, KnowsThatTheMainThreadHasEnded) {
  for (const char* mode : {"main_exits", "main_cancelled", "main_joined"}) {
    const SegmentSnapshot snapshot = SnapshotOf(mode);
    const ThreadRecord main = ThreadNamed(snapshot, "thread_lives");
    EXPECT_EQ(main.number, 1u) << mode;
    EXPECT_EQ(main.state, kExited) << mode;
    EXPECT_EQ(main.life, std::string(mode) == "main_joined" ? kThreadJoined : 0u) << mode;
    EXPECT_TRUE(IsParked(ThreadNamed(snapshot, "outlives"))) << mode;
  }
}

}  // namespace
}  // namespace limpet
