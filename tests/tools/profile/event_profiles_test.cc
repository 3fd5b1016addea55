// The profiles of what threads did: block, wait, threadcreate.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/layout/allocation_slot.h"
#include "tests/support/fake_symbolizer.h"
#include "tools/profile/profile_builder.h"

namespace limpet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kServer = 1, kOurs = 2;
constexpr std::uint32_t kQueueStack = 5, kLatchStack = 6, kMakerStack = 7;
constexpr std::uint64_t kMoment = 1'000'000'000'000;
constexpr auto kMutex = EventOf(WaitReason::kMutex), kFutex = EventOf(WaitReason::kFutex);

class EventProfiles : public ::testing::Test {
 protected:
  EventProfiles() {
    snapshot_.executable = "/bin/app";
    snapshot_.pid = 4242;
    snapshot_.block_rate_ns = 10'000;
    snapshot_.modules = {{},
                         {0x401000, 0x409000, 0x400000, 0x1000, "/bin/app", "abcd"},
                         {0x8f0000, 0x8f9000, 0x8f0000, 0, "/lib/liblimpet.so", ""}};
    Name(kServer, 0x401100, "Queue::Push(int)");
    Name(kServer, 0x401200, "std::latch::wait() const");
    Name(kServer, 0x401300, "main");
    Name(kServer, 0x401400, "Pool::Start()");
    Name(kOurs, 0x8f0100, "HookedWait");
    snapshot_.stacks[kQueueStack].frames = {
        {0x8f0100, kOurs}, {0x401100, kServer}, {0x401300, kServer}};
    snapshot_.stacks[kLatchStack].frames = {
        {0x8f0100, kOurs}, {0x401200, kServer}, {0x401300, kServer}};
    snapshot_.stacks[kMakerStack].frames = {
        {0x8f0100, kOurs}, {0x401400, kServer}, {0x401300, kServer}};
  }

  void Name(std::uint32_t module, std::uint64_t address, const std::string& name) {
    const ModuleRecord& record = snapshot_.modules[module];
    symbolizer_.Add(record.path, address - 1 - record.load_bias, {{.name = name}});
  }
  void AddEvents(std::uint32_t stack, EventKind kind, double events,
                 std::uint64_t duration_ns = 0) {
    const auto weight = static_cast<std::uint64_t>(events * static_cast<double>(kWeightOne));
    snapshot_.events.push_back(
        {.stack = stack, .kind = kind, .weight = weight, .duration_ns = duration_ns});
  }
  ThreadRecord& AddThread(std::uint32_t number, ThreadState state) {
    snapshot_.threads.push_back({.thread_id = 4241 + number,
                                 .state = state,
                                 .number = number,
                                 .creator_number = number == 1 ? 0U : 1U,
                                 .creation_stack = number == 1 ? 0 : kMakerStack});
    return snapshot_.threads.back();
  }
  void AddParked(std::uint32_t number, WaitReason reason, std::uint64_t waited_ns) {
    ThreadRecord& thread = AddThread(number, ThreadState::kParked);
    thread.reason = reason;
    thread.since_ns = kMoment - waited_ns;
    thread.stack = kQueueStack;
  }

  Profile Build(const std::string& name, bool is_alive = true) {
    ProfileBuilder builder(snapshot_, symbolizer_, nullptr);
    return *builder.Build(name, {.time_unix_ns = 7, .monotonic_ns = kMoment, .is_alive = is_alive});
  }
  static std::string Describe(const Profile& profile, const ProfileSample& sample) {
    std::string text;
    for (const std::uint32_t location : sample.locations)
      text += profile.functions[profile.locations[location].lines[0].function].name + " < ";
    const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(sample.labels)];
    for (const auto& [key, value] : labels.texts) text += key + "=" + value;
    for (const std::int64_t value : sample.values) text += " " + std::to_string(value);
    return text;
  }
  std::vector<std::string> Samples(const std::string& name) {
    const Profile profile = Build(name);
    std::vector<std::string> samples;
    for (const ProfileSample& sample : profile.samples)
      samples.push_back(Describe(profile, sample));
    return samples;
  }

  SegmentSnapshot snapshot_;
  FakeSymbolizer symbolizer_;
};

TEST_F(EventProfiles, BlockHasGosTypes) {
  const Profile block = Build("block");
  ASSERT_EQ(block.sample_types.size(), 2U);
  EXPECT_EQ(block.sample_types[0].type, "contentions");
  EXPECT_EQ(block.sample_types[0].unit, "count");
  EXPECT_EQ(block.sample_types[1].type, "delay");
  EXPECT_EQ(block.sample_types[1].unit, "nanoseconds");
  EXPECT_EQ(block.period_type.type, "contentions");
  EXPECT_EQ(block.period_type.unit, "count");
  EXPECT_EQ(block.period, 1);
  EXPECT_EQ(block.default_sample_type, "") << "the last one, as Go has it";
}

TEST_F(EventProfiles, AddsUpWaitsOfAStackByReasonLongestFirst) {
  AddEvents(kQueueStack, kMutex, 4, 4000);
  AddEvents(kLatchStack, kFutex, 2.5, 9000);
  EXPECT_THAT(Samples("block"),
              ElementsAre("std::latch::wait() const < main < reason=sync.WaitGroup.Wait 3 9000",
                          "Queue::Push(int) < main < reason=sync.Mutex.Lock 4 4000"));
}

TEST_F(EventProfiles, BlockHasWaitsForThreadsAndWaitHasAll) {
  for (const WaitReason reason : {WaitReason::kSleep, WaitReason::kPoll, WaitReason::kRead,
                                  WaitReason::kChild, WaitReason::kFileLock})
    AddEvents(kQueueStack, EventOf(reason), 1, 100);
  EXPECT_THAT(Samples("block"), IsEmpty());
  AddEvents(kQueueStack, EventOf(WaitReason::kJoin), 1, 100);
  EXPECT_THAT(Samples("block"),
              ElementsAre("Queue::Push(int) < main < reason=sync.WaitGroup.Wait 1 100"));
  EXPECT_EQ(Samples("wait").size(), 6U);
}

TEST_F(EventProfiles, HasWaitsThatHaveNotEnded) {
  AddEvents(kQueueStack, kMutex, 1, 1000);
  AddParked(2, WaitReason::kMutex, 5000);
  AddParked(3, WaitReason::kSleep, 7000);
  AddThread(4, ThreadState::kRunning);
  EXPECT_THAT(Samples("block"),
              ElementsAre("Queue::Push(int) < main < reason=sync.Mutex.Lock 2 6000"));
  EXPECT_THAT(Samples("wait"), Contains("Queue::Push(int) < main < reason=sleep 1 7000"));
  EXPECT_THAT(Build("block").comments,
              Contains("1 wait that ended, 0.000 s; 1 wait under way, 0.000 s"));
}

TEST_F(EventProfiles, MutexHasWaitsWhereTheyWereMadeLonger) {
  AddEvents(kQueueStack, kMutex, 1, 1000);
  AddEvents(kMakerStack, ReleaseFor(WaitReason::kMutex), 2, 5000);
  AddEvents(kLatchStack, ReleaseFor(WaitReason::kWriteLock), 1, 3000);
  AddParked(2, WaitReason::kMutex, 7000);
  EXPECT_THAT(Samples("mutex"),
              ElementsAre("Pool::Start() < main < reason=sync.Mutex.Lock 2 5000",
                          "std::latch::wait() const < main < reason=sync.RWMutex.Lock 1 3000"));
}

// A futex that is woken may be anything.
TEST_F(EventProfiles, MutexHasFutexesThatALibrarysUnlockWakes) {
  Name(kServer, 0x401500, "std::sys::sync::mutex::futex::Mutex::wake");
  snapshot_.stacks[8].frames = {{0x8f0100, kOurs}, {0x401500, kServer}, {0x401300, kServer}};
  AddEvents(8, ReleaseFor(WaitReason::kFutex), 1, 1000);
  AddEvents(kMakerStack, ReleaseFor(WaitReason::kFutex), 1, 1000);
  EXPECT_THAT(Samples("mutex"), ElementsAre("std::sys::sync::mutex::futex::Mutex::wake < main < "
                                            "reason=sync.Mutex.Lock 1 1000"));
}

TEST_F(EventProfiles, AWaitOfUnknownBeginningIsNoWait) {
  AddParked(2, WaitReason::kMutex, kMoment);
  EXPECT_THAT(Samples("block"), IsEmpty());
  EXPECT_THAT(DefaultProfiles(snapshot_), testing::Not(Contains("block")));
}

TEST_F(EventProfiles, PassesOverWhatANewerTargetKnows) {
  AddEvents(kQueueStack, static_cast<EventKind>(200), 1, 100);
  AddEvents(kQueueStack, static_cast<EventKind>(~std::uint32_t{0}), 1, 100);
  for (const char* const name : {"block", "mutex", "wait", "threadcreate"})
    EXPECT_THAT(Samples(name), IsEmpty());
}

TEST_F(EventProfiles, SaysWhichWaitsAreAddedUp) {
  AddEvents(kQueueStack, kMutex, 1, 1000);
  EXPECT_THAT(Build("block").comments,
              Contains("waits of 10000 ns and longer each, shorter ones by chance"));
  snapshot_.block_rate_ns = 0;
  EXPECT_THAT(Build("block").comments, Contains("waits that ended are not added up"));
}

TEST_F(EventProfiles, ForgedNumbersStayNumbers) {
  for (int i = 0; i < 3; ++i)
    snapshot_.events.push_back({kQueueStack, kMutex, ~std::uint64_t{0}, ~std::uint64_t{0}});
  const Profile block = Build("block");
  for (const std::int64_t value : block.samples.at(0).values) EXPECT_GT(value, 0);
}

TEST_F(EventProfiles, ThreadcreateTellsWhatBecameOfThreads) {
  AddEvents(kMakerStack, EventKind::kThreadCreation, 10);
  AddThread(1, ThreadState::kRunning);
  AddThread(2, ThreadState::kRunning);
  AddParked(3, WaitReason::kMutex, 5);
  AddThread(4, ThreadState::kExited);
  AddThread(5, ThreadState::kExited).life = kThreadJoined;
  EXPECT_THAT(Samples("threadcreate"),
              testing::UnorderedElementsAre(
                  "Pool::Start() < main < state=exited 7", "Pool::Start() < main < state=live 2",
                  "Pool::Start() < main < state=unjoined 1", "[main thread] < state=live 1"));
  EXPECT_THAT(Build("threadcreate").comments,
              Contains("11 threads: 3 live, 1 ended and not joined, 7 ended"));
}

TEST_F(EventProfiles, AreDumpedWhereThereIsSomethingToSay) {
  EXPECT_THAT(DefaultProfiles(snapshot_), ElementsAre("heap", "allocs"));
  AddEvents(kQueueStack, EventOf(WaitReason::kSleep), 1, 100);
  EXPECT_THAT(DefaultProfiles(snapshot_), ElementsAre("heap", "allocs", "wait"));
  AddEvents(kQueueStack, kMutex, 1, 100);
  AddEvents(kMakerStack, EventKind::kThreadCreation, 1);
  EXPECT_THAT(DefaultProfiles(snapshot_),
              ElementsAre("heap", "allocs", "block", "wait", "threadcreate"));
}

TEST_F(EventProfiles, SayThatTheDeadWaitedLonger) {
  AddParked(2, WaitReason::kMutex, 5000);
  EXPECT_THAT(Build("block", /*is_alive=*/false).comments, Contains(HasSubstr("at least as long")));
}

}  // namespace
}  // namespace limpet
