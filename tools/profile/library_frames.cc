#include "tools/profile/library_frames.h"

#include <algorithm>
#include <iterator>

namespace limpet {
namespace {

// "libstdc++.so.6+0x12" is a frame without a symbol.
constexpr std::string_view kLibraryPrefixes[] = {"std::",
                                                 "core::",
                                                 "alloc::",
                                                 "__gnu_cxx::",
                                                 "__gthread",
                                                 "__rust_",
                                                 "absl::",
                                                 "Absl",
                                                 "folly::",
                                                 "tbb::",
                                                 "boost::",
                                                 "parking_lot",
                                                 "lock_api::",
                                                 "crossbeam",
                                                 "g_cond_",
                                                 "g_mutex_",
                                                 "g_async_queue",
                                                 "g_thread_",
                                                 "pthread_",
                                                 "__pthread",
                                                 "___pthread",
                                                 "sem_",
                                                 "__new_sem_",
                                                 "thrd_",
                                                 "cnd_",
                                                 "mtx_",
                                                 "__cxa_guard",
                                                 "futex",
                                                 "__futex",
                                                 "__lll_lock",
                                                 "syscall",
                                                 "libstdc++.so",
                                                 "libc++.so",
                                                 "libc.so",
                                                 "libgcc_s.so",
                                                 "libabsl_",
                                                 "execute_native_thread_routine"};

constexpr std::string_view kThreadStarts[] = {"start_thread",
                                              "clone",
                                              "clone3",
                                              "__clone",
                                              "__clone3",
                                              "__clone_internal",
                                              "__libc_start_main",
                                              "_start",
                                              "__libc_start_main_impl",
                                              "__libc_start_call_main",
                                              "__libc_start_main@@GLIBC_2.34"};

// A name that begins with `prefix` and has `part` somewhere behind it.
struct WaitFrame {
  std::string_view prefix;
  std::string_view part;
  std::string_view reason;
};

constexpr WaitFrame kWaitFrames[] = {
    // libc, where no hook is: its local names have one more underscore
    {"pthread_cond_", "wait", "sync.Cond.Wait"},
    {"___pthread_cond_", "wait", "sync.Cond.Wait"},
    {"pthread_rwlock_", "rdlock", "sync.RWMutex.RLock"},
    {"___pthread_rwlock_", "rdlock", "sync.RWMutex.RLock"},
    {"pthread_rwlock_", "wrlock", "sync.RWMutex.Lock"},
    {"___pthread_rwlock_", "wrlock", "sync.RWMutex.Lock"},
    {"pthread_mutex_", "lock", "sync.Mutex.Lock"},
    {"___pthread_mutex_", "lock", "sync.Mutex.Lock"},
    {"pthread_barrier_", "wait", "sync.WaitGroup.Wait"},
    {"___pthread_barrier_", "wait", "sync.WaitGroup.Wait"},
    // libstdc++
    {"std::__future_base", "", "chan receive"},
    {"std::__basic_future", "", "chan receive"},
    {"std::future", "", "chan receive"},
    {"std::shared_future", "", "chan receive"},
    {"std::latch", "", "sync.WaitGroup.Wait"},
    {"std::barrier", "", "sync.WaitGroup.Wait"},
    {"std::__tree_barrier", "", "sync.WaitGroup.Wait"},
    {"std::counting_semaphore", "", "semacquire"},
    {"std::__atomic_semaphore", "", "semacquire"},
    // Rust, from the libraries' public names down to those of 1.6x and later
    {"std::sync::mpmc::", "recv", "chan receive"},
    {"std::sync::mpmc::", "send", "chan send"},
    {"std::sync::mpsc::", "recv", "chan receive"},
    {"std::sync::mpsc::", "send", "chan send"},
    {"std::sync::mpsc::", "next", "chan receive"},
    {"crossbeam_channel::", "recv", "chan receive"},
    {"crossbeam_channel::", "send", "chan send"},
    {"std::sync::barrier::", "wait", "sync.WaitGroup.Wait"},
    {"std::sync::Barrier::", "wait", "sync.WaitGroup.Wait"},
    {"std::thread::scoped::", "", "sync.WaitGroup.Wait"},
    {"std::sync::condvar::", "wait", "sync.Cond.Wait"},
    {"std::sync::poison::condvar::", "wait", "sync.Cond.Wait"},
    {"std::sync::nonpoison::condvar::", "wait", "sync.Cond.Wait"},
    {"std::sys::sync::condvar::", "wait", "sync.Cond.Wait"},
    {"std::sync::mutex::", "lock", "sync.Mutex.Lock"},
    {"std::sync::poison::mutex::", "lock", "sync.Mutex.Lock"},
    {"std::sync::nonpoison::mutex::", "lock", "sync.Mutex.Lock"},
    {"std::sys::sync::mutex::", "lock", "sync.Mutex.Lock"},
    {"std::sys::unix::locks::futex_mutex::", "lock", "sync.Mutex.Lock"},
    {"std::sync::rwlock::", "read", "sync.RWMutex.RLock"},
    {"std::sync::rwlock::", "write", "sync.RWMutex.Lock"},
    {"std::sync::poison::rwlock::", "read", "sync.RWMutex.RLock"},
    {"std::sync::nonpoison::rwlock::", "read", "sync.RWMutex.RLock"},
    {"std::sync::poison::rwlock::", "write", "sync.RWMutex.Lock"},
    {"std::sync::nonpoison::rwlock::", "write", "sync.RWMutex.Lock"},
    {"std::sys::sync::rwlock::", "read", "sync.RWMutex.RLock"},
    {"std::sys::sync::rwlock::", "write", "sync.RWMutex.Lock"},
    {"parking_lot::condvar::", "wait", "sync.Cond.Wait"},
    {"parking_lot::raw_mutex::", "lock", "sync.Mutex.Lock"},
    {"parking_lot::raw_rwlock::", "lock_shared", "sync.RWMutex.RLock"},
    {"parking_lot::raw_rwlock::", "lock_exclusive", "sync.RWMutex.Lock"},
    // abseil; its inline namespace stands between. All kinds of lock are taken in LockSlow, and the
    // cold half of ReaderLock, where it is called, has no name in Debian's library.
    {"absl::", "::Mutex::LockSlow", "semacquire"},
    {"absl::", "::ReaderMutexLock::", "sync.RWMutex.RLock"},
    {"absl::", "::MutexLock::", "sync.Mutex.Lock"},
    {"absl::", "::WriterMutexLock::", "sync.Mutex.Lock"},
    {"absl::", "::Mutex::ReaderLock", "sync.RWMutex.RLock"},
    {"absl::", "::Mutex::Lock", "sync.Mutex.Lock"},
    {"absl::", "::Mutex::Await", "sync.Cond.Wait"},
    {"absl::", "::CondVar::Wait", "sync.Cond.Wait"},
    {"absl::", "::Notification::WaitFor", "sync.WaitGroup.Wait"},
    {"absl::", "::BlockingCounter::Wait", "sync.WaitGroup.Wait"},
    {"absl::", "::Barrier::Block", "sync.WaitGroup.Wait"},
    // others
    {"folly::", "MPMCQueue::blockingRead", "chan receive"},
    {"folly::", "MPMCQueue::blockingWrite", "chan send"},
    {"folly::", "Queue::dequeue", "chan receive"},
    {"folly::", "Baton::wait", "sync.WaitGroup.Wait"},
    {"tbb::", "concurrent_bounded_queue::pop", "chan receive"},
    {"tbb::", "concurrent_bounded_queue::push", "chan send"},
    {"boost::", "buffered_channel::pop", "chan receive"},
    {"boost::", "buffered_channel::push", "chan send"},
    {"g_async_queue_", "pop", "chan receive"},
    {"g_async_queue_", "timeout", "chan receive"},
};

constexpr WaitFrame kUnlockFrames[] = {
    {"std::sys::sync::mutex::", "", "sync.Mutex.Lock"},
    {"std::sys::unix::locks::futex_mutex::", "", "sync.Mutex.Lock"},
    {"std::sync::mutex::", "drop", "sync.Mutex.Lock"},
    {"std::sync::poison::mutex::", "drop", "sync.Mutex.Lock"},
    {"std::sync::nonpoison::mutex::", "drop", "sync.Mutex.Lock"},
    {"std::sys::sync::rwlock::", "", "sync.RWMutex.Lock"},
    {"std::sys::unix::locks::futex_rwlock::", "", "sync.RWMutex.Lock"},
    {"parking_lot::raw_mutex::", "unlock", "sync.Mutex.Lock"},
    {"parking_lot::raw_rwlock::", "unlock", "sync.RWMutex.Lock"},
    {"absl::", "::Mutex::UnlockSlow", "sync.Mutex.Lock"},
    {"absl::", "::Mutex::Unlock", "sync.Mutex.Lock"},
    {"absl::", "::Mutex::ReaderUnlock", "sync.RWMutex.Lock"},
};

// Rust's "<T as Trait>::f" is a method of T.
std::string_view WithoutAngle(std::string_view name) {
  return name.starts_with('<') ? name.substr(1) : name;
}

bool IsOf(const WaitFrame& frame, std::string_view name) {
  if (!name.starts_with(frame.prefix)) return false;
  const std::size_t end = frame.prefix.size();
  // What is looked for may share the "::" that the prefix ends with.
  return name.find(frame.part, end - std::min<std::size_t>(end, 2)) != std::string_view::npos;
}

// Up to the first frame that is the program's.
template <std::size_t kCount>
std::string_view OutermostReason(const std::vector<std::string_view>& names,
                                 const WaitFrame (&table)[kCount]) {
  std::string_view reason;
  for (std::string_view name : names) {
    if (!IsLibraryName(name)) break;
    name = WithoutAngle(name);
    const auto known = std::find_if(std::begin(table), std::end(table),
                                    [name](const WaitFrame& frame) { return IsOf(frame, name); });
    if (known != std::end(table)) reason = known->reason;
  }
  return reason;
}

}  // namespace

bool IsLibraryName(std::string_view name) {
  name = WithoutAngle(name);
  return std::any_of(std::begin(kLibraryPrefixes), std::end(kLibraryPrefixes),
                     [name](std::string_view prefix) { return name.starts_with(prefix); });
}

FrameRange FindProgram(const std::vector<std::string_view>& names) {
  const auto is_program = [](std::string_view name) {
    return !IsLibraryName(name) && !IsThreadStart(name);
  };
  const auto first = std::find_if(names.begin(), names.end(), is_program);
  const auto last = std::find_if(names.rbegin(), names.rend(), is_program).base();
  if (first == names.end()) return {0, names.size()};
  const FrameRange range = {static_cast<std::size_t>(first - names.begin()),
                            static_cast<std::size_t>(last - names.begin())};
  // Rust's main of C calls Rust's start, and that the program's main.
  const bool is_rust =
      range.last - range.first > 1 && *(last - 1) == "main" && (last - 2)->starts_with("std::rt::");
  if (!is_rust) return range;
  return FindProgram({names.begin(), last - 1});
}

bool IsThreadStart(std::string_view name) {
  return std::find(std::begin(kThreadStarts), std::end(kThreadStarts), name) !=
         std::end(kThreadStarts);
}

std::string_view ReasonByFrames(const std::vector<std::string_view>& names) {
  return OutermostReason(names, kWaitFrames);
}

std::string_view LockByFrames(const std::vector<std::string_view>& names) {
  return OutermostReason(names, kUnlockFrames);
}

}  // namespace limpet
