#include "tools/threads/wait_fingerprint.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace limpet {
namespace {

std::uint64_t AddressOf(const void* object) { return reinterpret_cast<std::uint64_t>(object); }

class WaitFingerprint : public ::testing::Test {
 protected:
  ThreadRecord Describe(std::int64_t number, std::array<std::uint64_t, 6> arguments) {
    memory_.Forget();
    ThreadRecord thread;
    DescribeCall({.number = number, .arguments = arguments}, ids_, memory_, thread);
    return thread;
  }

  const std::uint32_t own_ = static_cast<std::uint32_t>(gettid());
  std::set<std::uint32_t> ids_ = {own_, 4243};
  RemoteMemory memory_{static_cast<std::uint32_t>(getpid())};
};

TEST_F(WaitFingerprint, OfAMutexNamesItsOwner) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  ThreadRecord thread = Describe(SYS_futex, {AddressOf(&mutex), FUTEX_WAIT_PRIVATE, 2});
  EXPECT_EQ(thread.reason, WaitReason::kMutex);
  EXPECT_EQ(thread.object, AddressOf(&mutex));
  EXPECT_EQ(thread.owner_thread_id, own_);
  pthread_mutex_unlock(&mutex);
  thread = Describe(SYS_futex, {AddressOf(&mutex), FUTEX_WAIT_PRIVATE, 2});
  EXPECT_EQ(thread.owner_thread_id, 0U);
}

TEST_F(WaitFingerprint, OfALockTellsReaderFromWriter) {
  pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
  pthread_rwlock_wrlock(&lock);
  const std::uint64_t at = AddressOf(&lock);
  const std::uint64_t operation = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
  const ThreadRecord reader = Describe(SYS_futex, {at + 8, operation, 3});
  EXPECT_EQ(reader.reason, WaitReason::kReadLock);
  EXPECT_EQ(reader.object, at);
  EXPECT_EQ(reader.owner_thread_id, own_);
  const ThreadRecord writer = Describe(SYS_futex, {at + 12, operation, 3});
  EXPECT_EQ(writer.reason, WaitReason::kWriteLock);
  EXPECT_EQ(writer.object, at);
  pthread_rwlock_unlock(&lock);
}

TEST_F(WaitFingerprint, OfAJoinNamesTheOtherThread) {
  std::uint32_t word = 4243;
  const std::uint64_t operation = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
  const ThreadRecord thread = Describe(SYS_futex, {AddressOf(&word), operation, 4243});
  EXPECT_EQ(thread.reason, WaitReason::kJoin);
  EXPECT_EQ(thread.owner_thread_id, 4243U);
  word = 0;
  EXPECT_EQ(Describe(SYS_futex, {AddressOf(&word), operation, 4243}).reason, WaitReason::kFutex)
      << "some other word, which had a value like a thread's id";
}

TEST_F(WaitFingerprint, OfALockThatChangedHandsNamesWhoHasItNow) {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  ThreadRecord waiter{
      .reason = WaitReason::kMutex, .object = AddressOf(&mutex), .owner_thread_id = 4243};
  RefreshOwner(memory_, waiter);
  EXPECT_EQ(waiter.owner_thread_id, own_);
  pthread_mutex_unlock(&mutex);
  ThreadRecord other{.reason = WaitReason::kJoin, .object = 8, .owner_thread_id = 4243};
  RefreshOwner(memory_, other);
  EXPECT_EQ(other.owner_thread_id, 4243U);
}

TEST_F(WaitFingerprint, OfALockTellsWhetherOtherProcessesMayHaveIt) {
  for (const int shared : {PTHREAD_PROCESS_PRIVATE, PTHREAD_PROCESS_SHARED}) {
    pthread_mutexattr_t of_mutex;
    pthread_mutexattr_init(&of_mutex);
    pthread_mutexattr_setpshared(&of_mutex, shared);
    pthread_mutex_t mutex;
    pthread_mutex_init(&mutex, &of_mutex);
    pthread_rwlockattr_t of_lock;
    pthread_rwlockattr_init(&of_lock);
    pthread_rwlockattr_setpshared(&of_lock, shared);
    pthread_rwlock_t lock;
    pthread_rwlock_init(&lock, &of_lock);
    memory_.Forget();
    const auto may_be_shared = [this](WaitReason reason, const void* object) {
      return MayBeShared(memory_, {.reason = reason, .object = AddressOf(object)});
    };
    const bool is_shared = shared == PTHREAD_PROCESS_SHARED;
    EXPECT_EQ(may_be_shared(WaitReason::kMutex, &mutex), is_shared);
    EXPECT_EQ(may_be_shared(WaitReason::kReadLock, &lock), is_shared);
    EXPECT_EQ(may_be_shared(WaitReason::kWriteLock, &lock), is_shared);
  }
}

TEST_F(WaitFingerprint, OfPollsReadsTheTimeThatTheyAreGiven) {
  const timespec time = {.tv_sec = 100, .tv_nsec = 7};
  const timeval coarse = {.tv_sec = 100, .tv_usec = 7};
  const std::uint64_t at = AddressOf(&time);
  EXPECT_EQ(Describe(SYS_ppoll, {0x5000, 1, at}).timeout_ns, 100'000'000'007U);
  EXPECT_EQ(Describe(SYS_pselect6, {1, 0x5000, 0, 0, at}).timeout_ns, 100'000'000'007U);
  EXPECT_EQ(Describe(SYS_select, {1, 0x5000, 0, 0, AddressOf(&coarse)}).timeout_ns,
            100'000'007'000U);
  EXPECT_EQ(Describe(SYS_epoll_pwait2, {7, 0x5000, 1, at}).timeout_ns, 100'000'000'007U);
  EXPECT_EQ(Describe(SYS_epoll_wait, {7, 0x5000, 1, 30}).timeout_ns, 30'000'000U);
  EXPECT_EQ(Describe(SYS_ppoll, {0x5000, 1, 0}).timeout_ns, kNoTimeout);
  EXPECT_NE(Describe(SYS_ppoll, {0, 0, 8}).timeout_ns, kNoTimeout) << "of a time nowhere";
  const timespec endless = {.tv_sec = INT64_MAX, .tv_nsec = -1};
  EXPECT_EQ(Describe(SYS_ppoll, {0, 0, AddressOf(&endless)}).timeout_ns, kNoTimeout);
}

TEST_F(WaitFingerprint, OutsideOfACallIsAPageOrAStop) {
  EXPECT_EQ(Describe(-1, {}).reason, WaitReason::kFile);
  ThreadRecord stopped{.kernel_state = 'T'};
  DescribeCall({.number = -1}, ids_, memory_, stopped);
  EXPECT_EQ(stopped.reason, WaitReason::kNone);
}

TEST_F(WaitFingerprint, OfAnotherFutexDoesNotGuess) {
  EXPECT_EQ(Describe(SYS_futex, {0x5000, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0}).reason,
            WaitReason::kFutex);
  const ThreadRecord unreadable = Describe(SYS_futex, {8, FUTEX_WAIT_PRIVATE, 2});
  EXPECT_EQ(unreadable.owner_thread_id, 0U);
}

TEST_F(WaitFingerprint, OfCallsNamesFilesAndTimes) {
  EXPECT_EQ(Describe(SYS_read, {5}).reason, WaitReason::kRead);
  EXPECT_EQ(Describe(SYS_read, {5}).descriptor, 5);
  EXPECT_EQ(Describe(SYS_accept4, {6}).reason, WaitReason::kAccept);
  EXPECT_EQ(Describe(SYS_epoll_wait, {7, 0x5000}).descriptor, 7);
  EXPECT_EQ(Describe(SYS_poll, {0x5000, 0, static_cast<std::uint32_t>(-1)}).object, 0U);
  EXPECT_EQ(Describe(SYS_poll, {0x5000, 0, static_cast<std::uint32_t>(-1)}).timeout_ns, kNoTimeout);
  EXPECT_EQ(Describe(SYS_poll, {0x5000, 2, 30}).object, 0x5000U);
  EXPECT_EQ(Describe(SYS_poll, {0x5000, 2, 30}).timeout_ns, 30'000'000U);
  EXPECT_EQ(Describe(SYS_fcntl, {4, F_SETLKW}).reason, WaitReason::kFileLock);
  EXPECT_EQ(Describe(SYS_fcntl, {4, F_GETFD}).reason, WaitReason::kNone);
  EXPECT_EQ(Describe(99'999, {}).reason, WaitReason::kNone);
}

TEST(WaitChannel, SaysWhatMayNotBeLookedAt) {
  ThreadRecord thread;
  DescribeChannel("futex_do_wait", thread);
  EXPECT_EQ(thread.reason, WaitReason::kFutex);
  DescribeChannel("anon_pipe_read", thread);
  EXPECT_EQ(thread.reason, WaitReason::kRead);
  EXPECT_EQ(thread.descriptor_target, "pipe:");
  thread = {};
  DescribeChannel("whatever", thread);
  EXPECT_EQ(thread.reason, WaitReason::kNone);
}

TEST(MayBeIn, TellsThatAWaitWasLeft) {
  const auto may_be = [](const TaskSyscall& call, WaitReason reason) {
    return MayBeIn(call, {.reason = reason, .object = 0x5000});
  };
  EXPECT_TRUE(may_be({.number = SYS_futex, .arguments = {0x5000}}, WaitReason::kMutex));
  EXPECT_FALSE(may_be({.number = SYS_read}, WaitReason::kMutex));
  EXPECT_TRUE(may_be({.number = SYS_restart_syscall}, WaitReason::kCondition)) << "was stopped";
  EXPECT_TRUE(may_be({.number = SYS_poll}, WaitReason::kResolve)) << "many calls";
}

TEST(MayBeIn, TellsOneLockFromTheNext) {
  const auto may_be = [](std::uint64_t word, WaitReason reason) {
    return MayBeIn({.number = SYS_futex, .arguments = {word}},
                   {.reason = reason, .object = 0x5000});
  };
  EXPECT_FALSE(may_be(0x5000 + sizeof(pthread_mutex_t), WaitReason::kMutex));
  EXPECT_FALSE(may_be(0x4FF8, WaitReason::kMutex));
  EXPECT_TRUE(may_be(0x500C, WaitReason::kWriteLock));
  EXPECT_FALSE(may_be(0x5000 + sizeof(pthread_rwlock_t), WaitReason::kReadLock));
  EXPECT_TRUE(may_be(0x6000, WaitReason::kCondition)) << "takes its mutex again";
}

}  // namespace
}  // namespace limpet
