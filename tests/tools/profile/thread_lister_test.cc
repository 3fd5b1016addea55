#include "tools/profile/thread_lister.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_symbolizer.h"

namespace limpet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

constexpr std::uint32_t kProgramModule = 1;
constexpr std::uint32_t kLibcModule = 2;
constexpr std::uint32_t kTracer = 3;
constexpr std::uint64_t kNow = 1'000'000'000'000;

class ThreadLister : public ::testing::Test {
 protected:
  ThreadLister() {
    snapshot_.executable = "/bin/app";
    snapshot_.pid = 4242;
    snapshot_.modules = {{},
                         {0x401000, 0x409000, 0x400000, 0x1000, "/bin/app", "abcd"},
                         {0x7f0000, 0x7f9000, 0x7f0000, 0, "/lib/libc.so.6", "1234"},
                         {0x8f0000, 0x8f9000, 0x8f0000, 0, "/lib/liblimpet.so", ""}};
    Name(kProgramModule, 0x401100, "Queue::Pop(int)");
    Name(kProgramModule, 0x401200, "std::latch::wait() const");
    Name(kProgramModule, 0x401300, "main");
    Name(kProgramModule, 0x401400, "std::thread::_M_start_thread()");
    Name(kLibcModule, 0x7f0100, "__futex_abstimed_wait_common");
    Name(kLibcModule, 0x7f0200, "pthread_cond_wait");
    Name(kLibcModule, 0x7f0300, "clone3");
    Name(kTracer, 0x8f0100, "HookedWait");
    snapshot_.stacks[5].frames = {
        {0x8f0100, kTracer}, {0x401100, kProgramModule}, {0x401300, kProgramModule}};
    snapshot_.stacks[6].frames = {
        {0x8f0100, kTracer}, {0x401400, kProgramModule}, {0x401300, kProgramModule}};
    snapshot_.stacks[7].frames = {
        {0x8f0100, kTracer}, {0x401200, kProgramModule}, {0x401300, kProgramModule}};
    snapshot_.stacks[8].frames = {{0x7f0100, kLibcModule},
                                  {0x7f0200, kLibcModule},
                                  {0x401100, kProgramModule},
                                  {0x401300, kProgramModule}};
    snapshot_.stacks[9].frames = {{0x7f0100, kLibcModule}, {0x7f0300, kLibcModule}};
  }

  void Name(std::uint32_t module, std::uint64_t address, const std::string& name) {
    const ModuleRecord& record = snapshot_.modules[module];
    symbolizer_.Add(record.path, address - 1 - record.load_bias, {{.name = name}});
  }

  ThreadRecord& AddParked(std::uint32_t number, WaitReason reason, std::uint32_t stack) {
    snapshot_.threads.push_back({.thread_id = 4241 + number,
                                 .state = ThreadState::kParked,
                                 .number = number,
                                 .creator_number = 1,
                                 .creation_stack = 6,
                                 .name = "worker",
                                 .reason = reason,
                                 .since_ns = kNow - 5'000'000'000,
                                 .stack = stack});
    return snapshot_.threads.back();
  }

  ThreadDump List() {
    FrameNamer namer(snapshot_, symbolizer_, nullptr);
    return ListThreads(snapshot_, namer, {.time_unix_ns = 7, .monotonic_ns = kNow});
  }

  static std::vector<std::string> Names(const Profile& profile,
                                        const std::vector<std::uint32_t>& locations) {
    std::vector<std::string> names;
    for (const std::uint32_t location : locations) {
      names.push_back(profile.functions[profile.locations[location].lines[0].function].name);
    }
    return names;
  }

  // What a thread that waits so is said to do.
  std::string Words(ThreadRecord thread) {
    snapshot_.threads = {std::move(thread)};
    const ListedThread listed = List().threads.at(0);
    return listed.state + ": " + listed.reason +
           (listed.remark.empty() ? "" : " (" + listed.remark + ")");
  }

  SegmentSnapshot snapshot_;
  FakeSymbolizer symbolizer_;
};

TEST_F(ThreadLister, CountsThreadsByStackReasonAndState) {
  AddParked(2, WaitReason::kMutex, 5);
  AddParked(3, WaitReason::kMutex, 5);
  AddParked(4, WaitReason::kCondition, 5);
  const Profile profile = List().profile;
  EXPECT_EQ(profile.name, "goroutine");
  EXPECT_EQ(profile.period_type.type, "goroutine");
  EXPECT_EQ(profile.period, 1);
  ASSERT_EQ(profile.sample_types.size(), 1U);
  EXPECT_EQ(profile.sample_types[0].type, "goroutine");
  EXPECT_EQ(profile.sample_types[0].unit, "count");
  EXPECT_EQ(profile.drop_frames, "");
  ASSERT_EQ(profile.samples.size(), 2U);
  EXPECT_THAT(profile.samples[0].values, ElementsAre(2));
  EXPECT_THAT(Names(profile, profile.samples[0].locations), ElementsAre("Queue::Pop(int)", "main"));
  const LabelSet& labels = profile.label_sets[static_cast<std::size_t>(profile.samples[0].labels)];
  EXPECT_EQ(labels.texts.at(kReasonLabel), "sync.Mutex.Lock");
  EXPECT_EQ(labels.texts.at(kStateLabel), "waiting");
  EXPECT_THAT(profile.comments, Contains("3 threads: 0 running, 3 waiting"));
}

TEST_F(ThreadLister, TellsWhoWaitsSinceWhenAndWhoMadeIt) {
  ThreadRecord& waiting = AddParked(7, WaitReason::kMutex, 5);
  waiting.object = 0x5000;
  waiting.owner_thread_id = 4242;
  snapshot_.threads.push_back({.thread_id = 4242, .state = ThreadState::kRunning, .number = 1});
  const ThreadDump dump = List();
  ASSERT_EQ(dump.threads.size(), 2U);
  EXPECT_EQ(dump.threads[0].number, 1U);
  const ListedThread& thread = dump.threads[1];
  EXPECT_EQ(thread.number, 7U);
  EXPECT_EQ(thread.waited_ns, 5'000'000'000U);
  EXPECT_EQ(thread.object, 0x5000U);
  EXPECT_EQ(thread.owner_number, 1U);
  EXPECT_EQ(thread.remark, "held by 1");
  EXPECT_EQ(thread.creator_number, 1U);
  EXPECT_THAT(Names(dump.profile, thread.creation_locations),
              ElementsAre("std::thread::_M_start_thread()", "main"));
}

// Of those who woke one on the same object the last counts, where nobody owns it.
TEST_F(ThreadLister, NamesWhoLastWokeOne) {
  ThreadRecord& waiting = AddParked(7, WaitReason::kCondition, 5);
  waiting.object = 0x7f00;
  snapshot_.releases = {{.object = 0x7f00, .time_ns = kNow - 9, .stack = 6, .thread_number = 3},
                        {.object = 0x7f00, .time_ns = kNow - 5, .stack = 7, .thread_number = 4},
                        {.object = 0x7f08, .time_ns = kNow - 1, .stack = 6, .thread_number = 5}};
  const ThreadDump dump = List();
  const ListedThread& listed = dump.threads.at(0);
  EXPECT_EQ(listed.waker_number, 4U);
  EXPECT_EQ(listed.woken_ns, 5U);
  EXPECT_EQ(listed.remark, "last signalled by 4");
  EXPECT_THAT(Names(dump.profile, listed.waker_locations),
              ElementsAre("std::latch::wait() const", "main"));
}

// What lay there once was signalled; a barrier and a poll are ended by nobody that is seen.
TEST_F(ThreadLister, NamesNoWakerOfWhatNobodyIsSeenToLetGo) {
  for (const WaitReason reason : {WaitReason::kBarrier, WaitReason::kPoll, WaitReason::kJoin})
    AddParked(7, reason, 5).object = 0x7f00;
  snapshot_.releases = {{.object = 0x7f00, .time_ns = kNow - 9, .stack = 6, .thread_number = 3}};
  for (const ListedThread& listed : List().threads) EXPECT_EQ(listed.waker_number, 0U);
}
TEST_F(ThreadLister, NamesWhoReadsWhatAWriterWaitsFor) {
  AddParked(7, WaitReason::kWriteLock, 5).object = 0x7f00;
  AddParked(9, WaitReason::kPoll, 5).read_locks = {0x7f00, 0x8000, 0x7f00};
  AddParked(8, WaitReason::kPoll, 5).read_locks = {0x7f00};
  const ListedThread writer = List().threads.at(0);
  EXPECT_THAT(writer.readers, ElementsAre(8, 9));
  EXPECT_EQ(writer.remark, "read by 8 9");
}
TEST_F(ThreadLister, NamesAReaderThatHasEnded) {
  AddParked(7, WaitReason::kWriteLock, 5).object = 0x7f00;
  AddParked(8, WaitReason::kPoll, 5).read_locks = {0x7f00};
  ThreadRecord& ended = AddParked(9, WaitReason::kNone, 5);
  ended.state = ThreadState::kExited;
  ended.read_locks = {0x7f00};
  const ListedThread writer = List().threads.at(0);
  EXPECT_EQ(writer.owner_life, OwnerLife::kExited);
  EXPECT_EQ(writer.remark, "held by 9 which has ended");
}
TEST_F(ThreadLister, NamesNoWakerOfWhatIsOwned) {
  ThreadRecord& waiting = AddParked(7, WaitReason::kMutex, 5);
  waiting.object = 0x7f00;
  waiting.owner_thread_id = 4250;
  snapshot_.releases = {{.object = 0x7f00, .time_ns = kNow - 9, .stack = 6, .thread_number = 3}};
  EXPECT_EQ(List().threads.at(0).waker_number, 0U);
}

TEST_F(ThreadLister, ListsWhoRunsByTheStackThatMadeIt) {
  AddParked(2, WaitReason::kNone, 0).state = ThreadState::kRunning;
  const ThreadDump dump = List();
  EXPECT_EQ(dump.threads[0].state, "running");
  EXPECT_TRUE(dump.threads[0].locations.empty());
  EXPECT_THAT(Names(dump.profile, dump.profile.samples[0].locations),
              ElementsAre("[stack of a running thread]", "[created by]",
                          "std::thread::_M_start_thread()", "main"));
}

TEST_F(ThreadLister, TakesALineForNoNumberBelowNought) {
  symbolizer_.Add("/bin/app", 0x1500 - 1,
                  {{.name = "f", .file = "j.c", .line = -10, .start_line = -1}});
  snapshot_.stacks[10].frames = {{0x401500, kProgramModule}};
  AddParked(2, WaitReason::kMutex, 10);
  const ThreadDump dump = List();
  EXPECT_EQ(dump.profile.locations.at(dump.threads.at(0).locations.at(0)).lines.at(0).line, 0);
}

TEST_F(ThreadLister, CountsWhoEndedAndWasNeverJoined) {
  for (const std::uint32_t life : {0U, kThreadDetached, kThreadJoined}) {
    snapshot_.threads.push_back(
        {.thread_id = 9, .state = ThreadState::kExited, .number = 9, .life = life});
  }
  const ThreadDump dump = List();
  EXPECT_TRUE(dump.threads.empty());
  EXPECT_TRUE(dump.profile.samples.empty());
  EXPECT_EQ(dump.unjoined, 1U);
}

TEST_F(ThreadLister, TrimsWhatIsBelowTheHookWhereNoHookIs) {
  ThreadRecord& thread = AddParked(2, WaitReason::kFutex, 8);
  thread.is_seen_from_outside = true;
  const ThreadDump dump = List();
  EXPECT_THAT(Names(dump.profile, dump.threads[0].locations),
              ElementsAre("Queue::Pop(int)", "main"));
  EXPECT_EQ(dump.threads[0].reason, "sync.Cond.Wait") << "by the name of libc's function";
  thread.stack = 9;
  const ThreadDump internal = List();
  EXPECT_THAT(Names(internal.profile, internal.threads[0].locations),
              ElementsAre("__futex_abstimed_wait_common", "clone3"))
      << "a thread of libc's own";
}

TEST_F(ThreadLister, SpeaksGo) {
  const auto parked = [](WaitReason reason) {
    return ThreadRecord{.state = ThreadState::kParked, .reason = reason};
  };
  EXPECT_EQ(Words(parked(WaitReason::kMutex)), "waiting: sync.Mutex.Lock");
  EXPECT_EQ(Words(parked(WaitReason::kReadLock)), "waiting: sync.RWMutex.RLock");
  EXPECT_EQ(Words(parked(WaitReason::kWriteLock)), "waiting: sync.RWMutex.Lock");
  EXPECT_EQ(Words(parked(WaitReason::kCondition)), "waiting: sync.Cond.Wait");
  EXPECT_EQ(Words(parked(WaitReason::kBarrier)), "waiting: sync.WaitGroup.Wait");
  EXPECT_EQ(Words(parked(WaitReason::kSemaphore)), "waiting: semacquire");
  EXPECT_EQ(Words(parked(WaitReason::kFutex)), "waiting: semacquire");
  EXPECT_EQ(Words(parked(WaitReason::kOnce)), "waiting: semacquire (once)");
  EXPECT_EQ(Words(parked(WaitReason::kSleep)), "waiting: sleep");
  EXPECT_EQ(Words(parked(WaitReason::kPoll)), "waiting: select (no cases)");
  EXPECT_EQ(Words(parked(WaitReason::kPause)), "waiting: select (no cases)");
  EXPECT_EQ(Words(parked(WaitReason::kSignal)), "waiting: select (signals)");
  EXPECT_EQ(Words(parked(WaitReason::kRead)), "waiting: IO wait");
  EXPECT_EQ(Words(parked(WaitReason::kResolve)), "waiting: IO wait (DNS)");
  EXPECT_EQ(Words(parked(WaitReason::kNameService)), "waiting: IO wait (name service)");
  EXPECT_EQ(Words(parked(WaitReason::kMessageSend)), "waiting: chan send");
  EXPECT_EQ(Words(parked(WaitReason::kChild)), "syscall: syscall (wait child)");
  EXPECT_EQ(Words(parked(WaitReason::kFile)), "syscall: syscall");
  EXPECT_EQ(Words(parked(WaitReason::kNone)), "syscall: syscall");
}

TEST_F(ThreadLister, LooksAtWhatIsWaitedOn) {
  ThreadRecord thread{.state = ThreadState::kParked, .reason = WaitReason::kPoll, .timeout_ns = 5};
  EXPECT_EQ(Words(thread), "waiting: sleep");
  thread.object = 0x5000;
  EXPECT_EQ(Words(thread), "waiting: select");
  thread.reason = WaitReason::kRead;
  thread.descriptor = 3;
  thread.descriptor_target = "pipe:[12]";
  EXPECT_EQ(Words(thread), "waiting: chan receive (fd 3)");
  thread.reason = WaitReason::kWrite;
  EXPECT_EQ(Words(thread), "waiting: chan send (fd 3)");
  thread.descriptor_target = "/srv/data";
  EXPECT_EQ(Words(thread), "syscall: syscall (fd 3)");
  thread.descriptor_target = "/dev/pts/1";
  EXPECT_EQ(Words(thread), "waiting: IO wait (fd 3)");
  thread.descriptor_target = "anon_inode:[timerfd]";
  EXPECT_EQ(Words(thread), "waiting: sleep (fd 3)");
  thread = {.state = ThreadState::kParked, .reason = WaitReason::kFutex, .stack = 7};
  EXPECT_EQ(Words(thread), "waiting: sync.WaitGroup.Wait") << "std::latch";
}

TEST_F(ThreadLister, NamesAnOwnerThatIsNotThereAnyMore) {
  ThreadRecord thread{.thread_id = 9,
                      .state = ThreadState::kParked,
                      .reason = WaitReason::kMutex,
                      .owner_thread_id = 77};
  EXPECT_EQ(Words(thread), "waiting: sync.Mutex.Lock (held by tid 77)") << "one that no hook saw";
  thread.is_owner_elsewhere = false;
  EXPECT_EQ(Words(thread), "waiting: sync.Mutex.Lock (held by tid 77 which has ended)");
  thread.is_owner_elsewhere = true;
  EXPECT_EQ(Words(thread),
            "waiting: sync.Mutex.Lock (held by tid 77 which is not of this process)");
  thread.reason = WaitReason::kJoin;
  EXPECT_EQ(Words(thread), "waiting: sync.WaitGroup.Wait (for tid 77 which has ended)");
  thread.owner_thread_id = 9;
  EXPECT_EQ(Words(thread), "waiting: sync.WaitGroup.Wait (for 9)");
}

TEST_F(ThreadLister, BlamesNoThreadThatTookOverAnOwnersId) {
  ThreadRecord& waiting = AddParked(2, WaitReason::kMutex, 5);
  waiting.owner_thread_id = 77;
  waiting.is_owner_elsewhere = true;
  const std::uint64_t since = waiting.since_ns;
  const auto remark = [this] { return List().threads.at(0).remark; };
  snapshot_.threads.push_back({.thread_id = 77,
                               .state = ThreadState::kRunning,
                               .number = 4,
                               .started_ns = since + 1'000'000'000});
  EXPECT_EQ(remark(), "held by tid 77 which has ended");
  snapshot_.threads[0].reason = WaitReason::kJoin;
  EXPECT_EQ(remark(), "for tid 77 which has ended");
  snapshot_.threads.push_back(
      {.thread_id = 77, .state = ThreadState::kExited, .number = 3, .started_ns = since - 1});
  EXPECT_EQ(remark(), "for 3 which has ended") << "whose id it was then";
  snapshot_.threads[1].started_ns = since + 1'000'000;
  EXPECT_EQ(remark(), "for 4") << "clocks are coarse";
}

TEST_F(ThreadLister, NamesWhoTookALockSince) {
  ThreadRecord& waiting = AddParked(2, WaitReason::kMutex, 5);
  waiting.owner_thread_id = 77;
  waiting.is_owner_current = true;
  const std::uint64_t since_ns = waiting.since_ns;
  snapshot_.threads.push_back({.thread_id = 77,
                               .state = ThreadState::kRunning,
                               .number = 4,
                               .started_ns = since_ns + 1'000'000'000});
  EXPECT_EQ(List().threads.at(0).remark, "held by 4");
}

TEST_F(ThreadLister, MissesNobodyToJoinTheMainThread) {
  snapshot_.threads.push_back({.thread_id = 5, .state = ThreadState::kExited, .number = 1});
  EXPECT_EQ(List().unjoined, 0U);
  snapshot_.threads.push_back({.thread_id = 6, .state = ThreadState::kExited, .number = 2});
  EXPECT_EQ(List().unjoined, 1U);
}

TEST_F(ThreadLister, TellsAnOwnerOfAnotherProcess) {
  ThreadRecord& waiting = AddParked(2, WaitReason::kMutex, 5);
  waiting.owner_thread_id = 77;
  waiting.is_owner_elsewhere = true;
  const ListedThread thread = List().threads.at(0);
  EXPECT_EQ(thread.remark, "held by tid 77 which is not of this process");
  EXPECT_EQ(thread.owner_life, OwnerLife::kElsewhere);
}

TEST_F(ThreadLister, BelievesNoForgedNumber) {
  for (const std::uint32_t number : {UINT32_MAX, UINT32_MAX, 7U}) {
    snapshot_.threads.push_back({.thread_id = UINT32_MAX,
                                 .state = ThreadState::kRunning,
                                 .number = number,
                                 .creator_number = number});
  }
  snapshot_.threads[0].thread_id = 5000;
  std::vector<std::uint32_t> numbers;
  std::vector<std::uint32_t> creators;
  for (const ListedThread& thread : List().threads) {
    numbers.push_back(thread.number);
    creators.push_back(thread.creator_number);
  }
  EXPECT_THAT(numbers, ElementsAre(7, 5000, 4194304));
  EXPECT_THAT(creators, ElementsAre(7, 0, 0));
}

TEST_F(ThreadLister, NamesNoDescriptorThatIsNotThere) {
  ThreadRecord thread{.state = ThreadState::kParked, .reason = WaitReason::kFileLock};
  EXPECT_EQ(Words(thread), "waiting: sync.Mutex.Lock");
  thread.descriptor = 3;
  EXPECT_EQ(Words(thread), "waiting: sync.Mutex.Lock (file 3)");
}

TEST_F(ThreadLister, GivesEachThreadANumberOfItsOwn) {
  for (const std::uint32_t number : {3U, 3U, 0U, 0U, 0U}) {
    snapshot_.threads.push_back(
        {.thread_id = 4242, .state = ThreadState::kRunning, .number = number});
  }
  snapshot_.threads.push_back({.thread_id = 5000, .state = ThreadState::kRunning});
  std::vector<std::uint32_t> numbers;
  for (const ListedThread& thread : List().threads) numbers.push_back(thread.number);
  EXPECT_THAT(numbers, ElementsAre(1, 3, 5000, 4194305, 4194306, 4194307));
}

}  // namespace
}  // namespace limpet
