#include "tools/profile/library_frames.h"

#include <gtest/gtest.h>

namespace limpet {
namespace {

using Names = std::vector<std::string_view>;

struct Wait {
  Names names;
  std::string_view reason;
};

// Leaf first, as g++ 12, rustc 1.95 and abseil 20220623 have them.
TEST(ReasonByFrames, KnowsWhatLibrariesWaitFor) {
  const Wait waits[] = {
      {{"syscall", "std::__detail::__platform_wait", "std::__atomic_wait_address",
        "std::latch::wait", "Work"},
       "sync.WaitGroup.Wait"},
      {{"syscall", "std::__atomic_semaphore::_M_acquire", "std::counting_semaphore::acquire",
        "Work"},
       "semacquire"},
      {{"std::__atomic_wait_address", "std::__tree_barrier::wait", "std::barrier::arrive_and_wait"},
       "sync.WaitGroup.Wait"},
      {{"std::__atomic_futex_unsigned_base::_M_futex_wait_until",
        "std::__future_base::_State_baseV2::wait", "std::future::get", "main"},
       "chan receive"},
      {{"std::__atomic_base::wait", "main"}, ""},
      {{"std::sys::sync::thread_parking::futex::Parker::park", "std::thread::park",
        "std::sync::mpmc::context::Context::wait_until", "std::sync::mpmc::list::Channel::recv",
        "std::sync::mpsc::Receiver::recv", "app::consume"},
       "chan receive"},
      {{"std::sync::mpmc::zero::Channel::send", "std::sync::mpsc::SyncSender::send",
        "app::produce"},
       "chan send"},
      {{"std::sys::sync::mutex::futex::Mutex::lock_contended",
        "std::sync::poison::mutex::Mutex::lock", "app::main"},
       "sync.Mutex.Lock"},
      {{"std::sys::sync::condvar::futex::Condvar::wait", "std::sync::barrier::Barrier::wait"},
       "sync.WaitGroup.Wait"},
      {{"<std::sync::mpsc::IntoIter as core::iter::Iterator>::next", "app::main"}, "chan receive"},
      {{"std::thread::park", "app::main"}, ""},
      {{"AbslInternalPerThreadSemWait_lts_20220623", "absl::lts_20220623::Mutex::Block",
        "absl::lts_20220623::Mutex::LockSlow", "absl::lts_20220623::Mutex::Lock", "Serve"},
       "sync.Mutex.Lock"},
      {{"absl::lts_20220623::Mutex::ReaderLock"}, "sync.RWMutex.RLock"},
      {{"absl::lts_20220623::Mutex::LockSlow", "libabsl_synchronization.so.20220623+0x512e",
        "absl::lts_20220623::ReaderMutexLock::ReaderMutexLock", "Serve"},
       "sync.RWMutex.RLock"},
      {{"absl::lts_20220623::Mutex::LockSlow", "libabsl_synchronization.so.20220623+0x512e",
        "Serve"},
       "semacquire"},
      {{"libabsl_synchronization.so.20220623+0x50d6", "absl::lts_20220623::Mutex::LockWhen",
        "absl::lts_20220623::Notification::WaitForNotification", "Serve"},
       "sync.WaitGroup.Wait"},
      {{"__futex_abstimed_wait_common", "pthread_cond_wait@@GLIBC_2.3.2", "Queue::Pop"},
       "sync.Cond.Wait"},
  };
  for (const Wait& wait : waits) EXPECT_EQ(ReasonByFrames(wait.names), wait.reason);
}

// What a once-function of the program waits for is not what the once waits for.
TEST(ReasonByFrames, DoesNotLookBehindTheProgram) {
  EXPECT_EQ(ReasonByFrames({"std::sys::sync::mutex::futex::Mutex::lock", "app::init",
                            "std::sync::mpsc::Receiver::recv"}),
            "sync.Mutex.Lock");
  EXPECT_EQ(ReasonByFrames({"app+0x1234", "std::latch::wait"}), "") << "stripped: never a guess";
  EXPECT_EQ(ReasonByFrames({"Queue::recv", "main"}), "") << "anybody's name";
  EXPECT_EQ(ReasonByFrames({}), "");
}

TEST(FindProgram, IsBetweenWhatItCalledAndWhatStartedIt) {
  const FrameRange range = FindProgram(
      {"std::future::get", "Wait", "std::sort", "Work", "std::thread::_M_run", "clone3"});
  EXPECT_EQ(range.first, 1U);
  EXPECT_EQ(range.last, 4U);
  EXPECT_EQ(FindProgram({"std::thread::park", "clone3"}).last, 2U) << "nothing is the program's";
  EXPECT_EQ(FindProgram({}).last, 0U);
  EXPECT_EQ(FindProgram({"app::main", "std::rt::lang_start_internal", "main", "_start"}).last, 1U);
}

}  // namespace
}  // namespace limpet
