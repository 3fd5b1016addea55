// Our own threads, seen from outside: no hook is here.

#include "tools/threads/living_threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "tools/symbol/elf_symbolizer.h"
#include "tools/threads/task_list.h"

namespace limpet {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// A thread that does something until it is told to end.
class Worker {
 public:
  explicit Worker(const std::function<void()>& work) {
    thread_ = std::thread([this, work] {
      id_ = static_cast<std::uint32_t>(gettid());
      work();
    });
    while (id_ == 0) std::this_thread::yield();
  }
  ~Worker() { thread_.join(); }

  std::uint32_t id() const { return id_; }

 private:
  std::atomic<std::uint32_t> id_{0};
  std::thread thread_;
};

class LivingThreads : public ::testing::Test {
 protected:
  LivingThreads() { snapshot_.modules.resize(1); }

  ThreadRecord Find(std::uint32_t thread_id) {
    for (const ThreadRecord& thread : snapshot_.threads) {
      if (thread.thread_id == thread_id) return thread;
    }
    ADD_FAILURE() << "no thread " << thread_id;
    return {};
  }

  // Until it is blocked, as the kernel needs a moment.
  ThreadRecord Look(std::uint32_t thread_id) {
    const SegmentSnapshot before = snapshot_;
    ThreadRecord thread;
    for (int tries = 0; tries < 500; ++tries) {
      snapshot_ = before;
      const auto process = ReadProcess(static_cast<std::uint32_t>(getpid()));
      CompleteThreads(*process, snapshot_);
      thread = Find(thread_id);
      if (thread.state == ThreadState::kParked && thread.stack != 0) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return thread;
  }

  std::vector<std::string> NamesOf(std::uint32_t stack) {
    ElfSymbolizer symbolizer;
    std::vector<std::string> names;
    for (const FrameRecord& frame : snapshot_.stacks[stack].frames) {
      const ModuleRecord& module = snapshot_.modules[frame.module];
      for (const SourceFrame& source : symbolizer.Resolve({module.path, module.build_id, 0},
                                                          frame.address - 1 - module.load_bias)) {
        names.push_back(source.name);
      }
    }
    return names;
  }

  // A slot as hooks write it.
  ThreadRecord& AddSlot(std::uint32_t thread_id, ThreadState state) {
    snapshot_.threads.push_back({.thread_id = thread_id,
                                 .state = state,
                                 .number = 7,
                                 .started_ns = NowNs(),
                                 .since_ns = NowNs(),
                                 .stack = 5});
    return snapshot_.threads.back();
  }

  SegmentSnapshot snapshot_;
};

// read(2), in a function whose unwind rule is an expression that jumps back to itself.
extern "C" long ReadUnderEndlessRules(int file, void* to, unsigned long bytes);
__asm__(
    ".text\n"
    ".type ReadUnderEndlessRules, @function\n"
    "ReadUnderEndlessRules:\n"
    ".cfi_startproc\n"
    ".cfi_escape 0x0f, 3, 0x2f, 0xfd, 0xff\n"
    "xorl %eax, %eax\n"
    "syscall\n"
    "ret\n"
    ".cfi_endproc\n"
    ".size ReadUnderEndlessRules, .-ReadUnderEndlessRules\n");

TEST_F(LivingThreads, WithRulesWithoutAnEndAreCutShort) {
  int files[2] = {};
  ASSERT_EQ(pipe(files), 0);
  char byte = 0;
  const Worker worker([&] { ReadUnderEndlessRules(files[0], &byte, 1); });
  const ThreadRecord thread = Look(worker.id());
  EXPECT_EQ(thread.reason, WaitReason::kRead);
  EXPECT_EQ(snapshot_.stacks[thread.stack].frames.size(), 1U);
  EXPECT_TRUE(snapshot_.stacks[thread.stack].is_truncated);
  EXPECT_EQ(write(files[1], "", 1), 1);
  for (const int file : files) close(file);
}

__attribute__((noinline)) void WaitForWord(std::mutex& mutex, std::condition_variable& condition,
                                           const bool& is_said) {
  std::unique_lock lock(mutex);
  condition.wait(lock, [&is_said] { return is_said; });
}

TEST_F(LivingThreads, AreFoundWithTheirStacksWithoutAHook) {
  std::mutex mutex;
  std::condition_variable condition;
  bool is_said = false;
  const Worker worker([&] { WaitForWord(mutex, condition, is_said); });
  const ThreadRecord thread = Look(worker.id());
  EXPECT_EQ(thread.state, ThreadState::kParked);
  EXPECT_TRUE(thread.is_seen_from_outside);
  EXPECT_EQ(thread.reason, WaitReason::kFutex);
  EXPECT_THAT(NamesOf(thread.stack), Contains(HasSubstr("WaitForWord")));
  EXPECT_FALSE(snapshot_.stacks[thread.stack].is_truncated);
  const std::lock_guard lock(mutex);
  is_said = true;
  condition.notify_all();
}

TEST_F(LivingThreads, OfAMutexSayWhoHoldsIt) {
  std::mutex mutex;
  mutex.lock();
  const Worker worker([&mutex] { const std::lock_guard lock(mutex); });
  const ThreadRecord thread = Look(worker.id());
  EXPECT_EQ(thread.reason, WaitReason::kMutex);
  EXPECT_EQ(thread.object, reinterpret_cast<std::uint64_t>(&mutex));
  EXPECT_EQ(thread.owner_thread_id, static_cast<std::uint32_t>(gettid()));
  mutex.unlock();
}

TEST_F(LivingThreads, OfAPipeSayThatItIsOne) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Worker worker([&ends] {
    char letter = 0;
    EXPECT_EQ(read(ends[0], &letter, 1), 1);
  });
  const ThreadRecord thread = Look(worker.id());
  EXPECT_EQ(thread.reason, WaitReason::kRead);
  EXPECT_EQ(thread.descriptor, ends[0]);
  EXPECT_THAT(thread.descriptor_target, HasSubstr("pipe:["));
  EXPECT_EQ(write(ends[1], "x", 1), 1);
}

TEST_F(LivingThreads, ThatRunAreNoneThatWait) {
  std::atomic<bool> is_over{false};
  const Worker worker([&is_over] {
    while (!is_over) {
    }
  });
  AddSlot(worker.id(), ThreadState::kParked).since_ns = 1;  // a wait that it left by a jump
  snapshot_.threads.back().started_ns = NowNs();
  const auto process = ReadProcess(static_cast<std::uint32_t>(getpid()));
  CompleteThreads(*process, snapshot_);
  EXPECT_EQ(Find(worker.id()).state, ThreadState::kRunning);
  EXPECT_EQ(Find(worker.id()).stack, 0U);
  is_over = true;
}

TEST_F(LivingThreads, ThatRunSayHowMuchOfACpuTheyTake) {
  std::atomic<bool> is_over{false};
  const Worker worker([&is_over] {
    while (!is_over) {
    }
  });
  std::optional<std::uint32_t> percent;
  for (int tries = 0; tries < 100 && percent.value_or(0) == 0; ++tries) {
    snapshot_.threads.clear();
    CompleteThreads(*ReadProcess(static_cast<std::uint32_t>(getpid())), snapshot_);
    percent = Find(worker.id()).cpu_percent;
  }
  EXPECT_GT(percent.value_or(0), 0U);
  EXPECT_LE(percent.value_or(0), 100U);
  is_over = true;
}

TEST_F(LivingThreads, AreBelievedWhereTheKernelSaysTheSame) {
  std::mutex mutex;
  mutex.lock();
  const Worker worker([&mutex] { const std::lock_guard lock(mutex); });
  ThreadRecord& slot = AddSlot(worker.id(), ThreadState::kParked);
  slot.reason = WaitReason::kMutex;
  slot.object = reinterpret_cast<std::uint64_t>(&mutex);
  Look(worker.id());
  const ThreadRecord thread = Find(worker.id());
  EXPECT_FALSE(thread.is_seen_from_outside);
  EXPECT_EQ(thread.stack, 5U) << "of the slot";
  EXPECT_EQ(thread.kernel_state, 'S');
  mutex.unlock();
}

TEST_F(LivingThreads, ThatLeftTheirWaitByAJumpAreSeenWhereTheyAre) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Worker worker([&ends] {
    char letter = 0;
    EXPECT_EQ(read(ends[0], &letter, 1), 1);
  });
  AddSlot(worker.id(), ThreadState::kParked).reason = WaitReason::kMutex;
  for (int tries = 0; tries < 100 && !Look(worker.id()).is_seen_from_outside; ++tries) {
  }
  const ThreadRecord thread = Find(worker.id());
  EXPECT_TRUE(thread.is_seen_from_outside);
  EXPECT_EQ(thread.reason, WaitReason::kRead);
  EXPECT_EQ(thread.number, 7U);
  EXPECT_EQ(write(ends[1], "x", 1), 1);
}

TEST_F(LivingThreads, ThatAreGoneAreNotListedAsParked) {
  std::uint32_t gone = 0;
  {
    gone = Worker([] {}).id();
  }
  AddSlot(gone, ThreadState::kParked);
  // The id has another thread by now: it began later than the slot's.
  ThreadRecord& old = AddSlot(static_cast<std::uint32_t>(gettid()), ThreadState::kParked);
  old.started_ns = 1;
  const auto process = ReadProcess(static_cast<std::uint32_t>(getpid()));
  CompleteThreads(*process, snapshot_);
  EXPECT_EQ(snapshot_.threads[0].state, ThreadState::kExited);
  EXPECT_EQ(snapshot_.threads[1].state, ThreadState::kExited);
  EXPECT_EQ(snapshot_.threads.size(), 3U) << "and this one as nobody's";
  EXPECT_EQ(snapshot_.threads[2].number, 0U);
}

TEST_F(LivingThreads, ThatWaitForAnotherLockByNowAreSeenAtThat) {
  std::mutex first, second;
  second.lock();
  const Worker worker([&second] { const std::lock_guard lock(second); });
  ThreadRecord& slot = AddSlot(worker.id(), ThreadState::kParked);
  slot.reason = WaitReason::kMutex;
  slot.object = reinterpret_cast<std::uint64_t>(&first);
  const ThreadRecord thread = Look(worker.id());
  EXPECT_TRUE(thread.is_seen_from_outside);
  EXPECT_EQ(thread.object, reinterpret_cast<std::uint64_t>(&second));
  EXPECT_EQ(thread.owner_thread_id, static_cast<std::uint32_t>(gettid()));
  second.unlock();
}

TEST_F(LivingThreads, WithOneIdAreOne) {
  for (int copies = 0; copies < 3; ++copies)
    AddSlot(static_cast<std::uint32_t>(gettid()), ThreadState::kRunning);
  CompleteThreads(*ReadProcess(static_cast<std::uint32_t>(getpid())), snapshot_);
  EXPECT_EQ(snapshot_.threads[0].state, ThreadState::kRunning);
  EXPECT_EQ(snapshot_.threads[1].state, ThreadState::kExited);
  EXPECT_EQ(snapshot_.threads[2].state, ThreadState::kExited);
}

// A child whose threads do nothing; of so many, and with or without its first one.
class IdleProcess {
 public:
  IdleProcess(int threads, bool keeps_main) : pid_(fork()) {
    if (pid_ == 0) Idle(threads, keeps_main);
  }
  ~IdleProcess() {
    Kill();
    waitpid(pid_, nullptr, 0);
  }
  IdleProcess(const IdleProcess&) = delete;
  IdleProcess& operator=(const IdleProcess&) = delete;

  void Kill() const { kill(pid_, SIGKILL); }
  std::vector<TaskFacts> WaitForTasks(std::size_t count) const {
    std::vector<TaskFacts> tasks;
    while ((tasks = ListTasks(Facts(), "/proc")).size() != count) std::this_thread::yield();
    return tasks;
  }
  ProcessFacts Facts() const {
    const auto pid = static_cast<std::uint32_t>(pid_);
    return {.pid = pid, .namespace_pid = pid};
  }

 private:
  [[noreturn]] static void Idle(int threads, bool keeps_main) {
    const auto idle = [](void*) -> void* {
      for (;;) pause();
    };
    for (pthread_t thread; threads != 0; --threads) pthread_create(&thread, nullptr, idle, nullptr);
    if (!keeps_main) syscall(SYS_exit, 0);  // without unwinding gtest's frames
    for (;;) pause();
  }

  pid_t pid_;
};

// One thread after the other goes: none may be missed that waited when the process was killed.
TEST_F(LivingThreads, OfAProcessThatIsKilledMeanwhileStayAsTheyWere) {
  constexpr std::size_t kThreads = 200;
  for (int round = 0; round < 20; ++round) {
    IdleProcess idle(kThreads - 1, /*keeps_main=*/true);
    snapshot_.threads.clear();
    for (const TaskFacts& task : idle.WaitForTasks(kThreads))
      AddSlot(task.thread_id, ThreadState::kParked).reason = WaitReason::kPause;
    std::thread killer([&idle, round] {
      std::this_thread::sleep_for(std::chrono::microseconds(round * 200));
      idle.Kill();
    });
    CompleteThreads(idle.Facts(), snapshot_);
    killer.join();
    ASSERT_EQ(snapshot_.threads.size(), kThreads);
    for (const ThreadRecord& thread : snapshot_.threads)
      ASSERT_EQ(thread.state, ThreadState::kParked) << "in round " << round;
  }
}

// The main thread stays in the list for as long as the others live, but as one that has ended.
TEST_F(LivingThreads, AreNotTheFirstOneWhereThatHasEnded) {
  const IdleProcess idle(2, /*keeps_main=*/false);
  const auto is_first = [&idle](const TaskFacts& task) {
    return task.thread_id == idle.Facts().pid;
  };
  std::vector<TaskFacts> tasks = idle.WaitForTasks(2);
  while (std::any_of(tasks.begin(), tasks.end(), is_first)) tasks = idle.WaitForTasks(2);
  EXPECT_FALSE(IsEnding(idle.Facts().pid, "/proc"));
}

// How many timers are told of the thread that libc has for them; of this process, which has made
// three.
std::uint32_t CountTimersOfSleeper() {
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  timer_t timer;
  for (int i = 0; i < 3; ++i)
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return 0;
  const auto process = ReadProcess(static_cast<std::uint32_t>(getpid()));
  for (int tries = 0; tries < 500; ++tries) {  // until it is blocked
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    SegmentSnapshot snapshot;
    snapshot.modules.resize(1);
    CompleteThreads(*process, snapshot);
    for (const ThreadRecord& thread : snapshot.threads)
      if (thread.reason == WaitReason::kSleep && thread.timer_count != 0) return thread.timer_count;
  }
  return 0;
}

// Which stays for ever: so in a child.
TEST_F(LivingThreads, OfLibcsForTimersSayThatItSleepsForHowMany) {
  const pid_t child = fork();
  if (child == 0) _exit(static_cast<int>(CountTimersOfSleeper()));
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST_F(LivingThreads, OfAProcessThatHasEndedStayAsTheyWere) {
  AddSlot(4'194'305, ThreadState::kParked);
  CompleteThreads({.pid = 4'194'305, .namespace_pid = 4'194'305}, snapshot_);
  ASSERT_EQ(snapshot_.threads.size(), 1U);
  EXPECT_EQ(snapshot_.threads[0].state, ThreadState::kParked);
}

}  // namespace
}  // namespace limpet
