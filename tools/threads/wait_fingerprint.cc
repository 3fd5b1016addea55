#include "tools/threads/wait_fingerprint.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace limpet {
namespace {

// Of glibc on x86-64: where its objects keep what, seen from the word that is waited on.
constexpr std::uint64_t kMutexOwnerOffset = 8;
constexpr std::uint64_t kMutexKindOffset = 16;
constexpr std::uint32_t kSharedMutex = 128;         // PTHREAD_MUTEX_PSHARED_BIT
constexpr std::uint64_t kLockSharedOffset = 28;     // __shared
constexpr std::uint64_t kReadLockWordOffset = 8;    // __wrphase_futex
constexpr std::uint64_t kWriteLockWordOffset = 12;  // __writers_futex
constexpr std::uint64_t kCurrentWriterOffset = 24;
constexpr std::int64_t kFutexWaitv = 449;
constexpr std::uint64_t kFutexCommands = 0x7F;  // without private, and without the clock
constexpr std::uint64_t kLockedWithWaiters = 2;
constexpr std::uint64_t kLockInUse = 3;

// Where arguments of a call stand; -1: it has none such.
struct CallRule {
  std::int64_t number;
  WaitReason reason;
  int descriptor = -1;
  int object = -1;
};

constexpr CallRule kCalls[] = {
    {SYS_read, WaitReason::kRead, 0},
    {SYS_readv, WaitReason::kRead, 0},
    {SYS_pread64, WaitReason::kRead, 0},
    {SYS_preadv, WaitReason::kRead, 0},
    {SYS_preadv2, WaitReason::kRead, 0},
    {SYS_write, WaitReason::kWrite, 0},
    {SYS_writev, WaitReason::kWrite, 0},
    {SYS_pwrite64, WaitReason::kWrite, 0},
    {SYS_pwritev, WaitReason::kWrite, 0},
    {SYS_pwritev2, WaitReason::kWrite, 0},
    {SYS_recvfrom, WaitReason::kReceive, 0},
    {SYS_recvmsg, WaitReason::kReceive, 0},
    {SYS_recvmmsg, WaitReason::kReceive, 0},
    {SYS_sendto, WaitReason::kSend, 0},
    {SYS_sendmsg, WaitReason::kSend, 0},
    {SYS_sendmmsg, WaitReason::kSend, 0},
    {SYS_accept, WaitReason::kAccept, 0},
    {SYS_accept4, WaitReason::kAccept, 0},
    {SYS_connect, WaitReason::kConnect, 0},
    {SYS_sendfile, WaitReason::kTransfer, 0},
    {SYS_splice, WaitReason::kTransfer, 0},
    {SYS_copy_file_range, WaitReason::kTransfer, 0},
    {SYS_flock, WaitReason::kFileLock, 0},
    {SYS_open, WaitReason::kFile},
    {SYS_openat, WaitReason::kFile},
    {SYS_fsync, WaitReason::kFile, 0},
    {SYS_fdatasync, WaitReason::kFile, 0},
    {SYS_sync, WaitReason::kFile},
    {SYS_msync, WaitReason::kFile},
    {SYS_ioctl, WaitReason::kFile, 0},
    {SYS_mlock, WaitReason::kFile},
    {SYS_mlock2, WaitReason::kFile},
    {SYS_mlockall, WaitReason::kFile},
    {SYS_mq_timedreceive, WaitReason::kMessageReceive, 0},
    {SYS_mq_timedsend, WaitReason::kMessageSend, 0},
    {SYS_msgrcv, WaitReason::kMessageReceive, -1, 0},
    {SYS_msgsnd, WaitReason::kMessageSend, -1, 0},
    {SYS_semop, WaitReason::kSystemSemaphore, -1, 0},
    {SYS_semtimedop, WaitReason::kSystemSemaphore, -1, 0},
    {SYS_nanosleep, WaitReason::kSleep},
    {SYS_clock_nanosleep, WaitReason::kSleep},
    {SYS_poll, WaitReason::kPoll},
    {SYS_ppoll, WaitReason::kPoll},
    {SYS_select, WaitReason::kPoll},
    {SYS_pselect6, WaitReason::kPoll},
    {SYS_epoll_wait, WaitReason::kPoll, 0, 1},
    {SYS_epoll_pwait, WaitReason::kPoll, 0, 1},
    {SYS_epoll_pwait2, WaitReason::kPoll, 0, 1},
    {SYS_rt_sigtimedwait, WaitReason::kSignal},
    {SYS_pause, WaitReason::kPause},
    {SYS_rt_sigsuspend, WaitReason::kPause},
    {SYS_wait4, WaitReason::kChild},
    {SYS_waitid, WaitReason::kChild},
    {SYS_io_getevents, WaitReason::kAsynchronous},
    {426 /* io_uring_enter */, WaitReason::kAsynchronous, 0},
    {kFutexWaitv, WaitReason::kFutex},
};

struct ChannelRule {
  std::string_view part;  // of the function's name
  WaitReason reason;
  std::string_view target;  // what kind of file it is
};

constexpr ChannelRule kChannels[] = {
    {"futex", WaitReason::kFutex, ""},          {"nanosleep", WaitReason::kSleep, ""},
    {"pipe_read", WaitReason::kRead, "pipe:"},  {"pipe_write", WaitReason::kWrite, "pipe:"},
    {"do_wait", WaitReason::kChild, ""},        {"sigtimedwait", WaitReason::kSignal, ""},
    {"sigsuspend", WaitReason::kPause, ""},     {"accept", WaitReason::kAccept, ""},
    {"skb", WaitReason::kReceive, ""},          {"sk_wait", WaitReason::kReceive, ""},
    {"wait_woken", WaitReason::kReceive, ""},   {"unix_stream", WaitReason::kReceive, ""},
    {"poll", WaitReason::kAsynchronous, ""},    {"select", WaitReason::kAsynchronous, ""},
    {"eventfd", WaitReason::kAsynchronous, ""}, {"timerfd", WaitReason::kAsynchronous, ""},
};

// A thread id of the process that stands at `address`; 0: none does.
std::uint32_t ThreadIdAt(std::uint64_t address, const std::set<std::uint32_t>& thread_ids,
                         RemoteMemory& memory) {
  std::uint32_t word = 0;
  if (!memory.ReadValue(address, word)) return 0;
  word &= FUTEX_TID_MASK;
  return thread_ids.contains(word) ? word : 0;
}

class FutexWait {
 public:
  FutexWait(const TaskSyscall& call, const std::set<std::uint32_t>& thread_ids,
            RemoteMemory& memory)
      : word_(call.arguments[0]),
        operation_(call.arguments[1] & kFutexCommands),
        is_private_((call.arguments[1] & FUTEX_PRIVATE_FLAG) != 0),
        value_(static_cast<std::uint32_t>(call.arguments[2])),
        thread_ids_(thread_ids),
        memory_(memory) {}

  void Describe(ThreadRecord& thread) {
    thread.reason = WaitReason::kFutex;
    thread.object = word_;
    if (operation_ == FUTEX_LOCK_PI || operation_ == FUTEX_LOCK_PI2) {
      Set(WaitReason::kMutex, word_, ThreadIdAt(word_, thread_ids_, memory_), thread);
    } else if (operation_ == FUTEX_WAIT && is_private_ && value_ == kLockedWithWaiters) {
      const std::uint64_t owner = word_ + kMutexOwnerOffset;
      Set(WaitReason::kMutex, word_, ThreadIdAt(owner, thread_ids_, memory_), thread);
    } else if (operation_ == FUTEX_WAIT_BITSET && is_private_ && value_ == kLockInUse) {
      DescribeLock(thread);
    } else if (IsJoin()) {
      Set(WaitReason::kJoin, word_, value_, thread);
    }
  }

 private:
  // The word is the other's id, which the kernel clears when it has ended.
  bool IsJoin() {
    return !is_private_ && operation_ == FUTEX_WAIT_BITSET && thread_ids_.contains(value_) &&
           ThreadIdAt(word_, thread_ids_, memory_) == value_;
  }

  // A reader waits on another word than a writer. Whose it is, the current writer shows, who stands
  // at its place in only one of both.
  void DescribeLock(ThreadRecord& thread) {
    for (const bool is_write : {true, false}) {
      const std::uint64_t lock = word_ - (is_write ? kWriteLockWordOffset : kReadLockWordOffset);
      const std::uint32_t writer = ThreadIdAt(lock + kCurrentWriterOffset, thread_ids_, memory_);
      if (writer == 0) continue;
      Set(is_write ? WaitReason::kWriteLock : WaitReason::kReadLock, lock, writer, thread);
      return;
    }
  }

  static void Set(WaitReason reason, std::uint64_t object, std::uint32_t owner,
                  ThreadRecord& thread) {
    thread.reason = reason;
    thread.object = object;
    thread.owner_thread_id = owner;
    thread.is_owner_current = true;
  }

  std::uint64_t word_;
  std::uint64_t operation_;
  bool is_private_;
  std::uint32_t value_;
  const std::set<std::uint32_t>& thread_ids_;
  RemoteMemory& memory_;
};

constexpr std::uint64_t kMillisecondNs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// A time of `UnitsPerSecond` to the second at `address`; one that cannot be read is some time, too.
template <std::int64_t UnitsPerSecond>
std::uint64_t TimeAt(std::uint64_t address, RemoteMemory& memory) {
  struct {
    std::int64_t seconds, units;
  } time{};
  if (address == 0) return kNoTimeout;
  memory.ReadValue(address, time);
  const std::int64_t units = std::clamp<std::int64_t>(time.units, 0, UnitsPerSecond);
  const auto ns =
      static_cast<std::uint64_t>(units) * static_cast<std::uint64_t>(kNsPerSecond / UnitsPerSecond);
  if (time.seconds < 0) return 0;
  if (time.seconds > INT64_MAX / kNsPerSecond - 1) return kNoTimeout;
  return static_cast<std::uint64_t>(time.seconds * kNsPerSecond) + ns;
}

std::uint64_t MillisecondsAt(std::uint64_t argument) {
  const auto milliseconds = static_cast<std::int32_t>(argument);
  return milliseconds < 0 ? kNoTimeout : static_cast<std::uint64_t>(milliseconds) * kMillisecondNs;
}

std::uint64_t PollTimeout(const TaskSyscall& call, RemoteMemory& memory) {
  switch (call.number) {
    case SYS_poll:
      return MillisecondsAt(call.arguments[2]);
    case SYS_ppoll:
      return TimeAt<kNsPerSecond>(call.arguments[2], memory);
    case SYS_select:
      return TimeAt<1'000'000>(call.arguments[4], memory);
    case SYS_pselect6:
      return TimeAt<kNsPerSecond>(call.arguments[4], memory);
    case SYS_epoll_pwait2:
      return TimeAt<kNsPerSecond>(call.arguments[3], memory);
    default:
      return MillisecondsAt(call.arguments[3]);
  }
}

// Which file descriptors, and how long.
void DescribePoll(const TaskSyscall& call, RemoteMemory& memory, ThreadRecord& thread) {
  const auto& arguments = call.arguments;
  if (call.number == SYS_poll || call.number == SYS_ppoll) {
    thread.object = arguments[1] == 0 ? 0 : arguments[0];
  } else if (call.number == SYS_select || call.number == SYS_pselect6) {
    thread.object = arguments[1] | arguments[2] | arguments[3];
  }
  thread.timeout_ns = PollTimeout(call, memory);
}

bool IsLockCommand(const TaskSyscall& call) {
  return call.number == SYS_fcntl &&
         (call.arguments[1] == F_SETLKW || call.arguments[1] == F_OFD_SETLKW);
}

std::int32_t DescriptorOf(const TaskSyscall& call, int argument) {
  if (argument < 0) return -1;
  return static_cast<std::int32_t>(call.arguments[static_cast<std::size_t>(argument)]);
}

}  // namespace

void DescribeCall(const TaskSyscall& call, const std::set<std::uint32_t>& thread_ids,
                  RemoteMemory& memory, ThreadRecord& thread) {
  // Outside of a call it waits for a page of a file.
  if (call.number < 0 && !thread.IsStopped()) thread.reason = WaitReason::kFile;
  if (call.number == SYS_futex) return FutexWait(call, thread_ids, memory).Describe(thread);
  if (IsLockCommand(call)) {
    thread.reason = WaitReason::kFileLock;
    thread.descriptor = DescriptorOf(call, 0);
  }
  const auto rule = std::find_if(std::begin(kCalls), std::end(kCalls), [&call](const auto& known) {
    return known.number == call.number;
  });
  if (rule == std::end(kCalls)) return;
  thread.reason = rule->reason;
  thread.descriptor = DescriptorOf(call, rule->descriptor);
  if (rule->object >= 0) {
    thread.object = call.arguments[static_cast<std::size_t>(rule->object)];
  }
  if (rule->reason == WaitReason::kPoll) DescribePoll(call, memory, thread);
}

void DescribeChannel(const std::string& wait_channel, ThreadRecord& thread) {
  for (const ChannelRule& rule : kChannels) {
    if (wait_channel.find(rule.part) == std::string::npos) continue;
    thread.reason = rule.reason;
    thread.descriptor_target = rule.target;
    return;
  }
}

bool IsLock(WaitReason reason) {
  return reason == WaitReason::kMutex || reason == WaitReason::kReadLock ||
         reason == WaitReason::kWriteLock;
}

void RefreshOwner(RemoteMemory& memory, ThreadRecord& thread) {
  const bool is_mutex = thread.reason == WaitReason::kMutex;
  std::uint32_t owner = 0;
  if (!IsLock(thread.reason)) return;
  const std::uint64_t offset = is_mutex ? kMutexOwnerOffset : kCurrentWriterOffset;
  if (!memory.ReadValue(thread.object + offset, owner)) return;
  thread.owner_thread_id = owner;
  thread.is_owner_current = true;
}

bool MayBeShared(RemoteMemory& memory, const ThreadRecord& thread) {
  std::uint32_t word = 0;
  if (thread.reason == WaitReason::kMutex) {
    return !memory.ReadValue(thread.object + kMutexKindOffset, word) || (word & kSharedMutex) != 0;
  }
  return !memory.ReadValue(thread.object + kLockSharedOffset, word) || word != 0;
}

bool MayBeIn(const TaskSyscall& call, const ThreadRecord& thread) {
  const bool is_futex = thread.reason >= WaitReason::kMutex && thread.reason <= WaitReason::kFutex;
  if (call.number == SYS_futex && IsLock(thread.reason)) {
    const bool is_mutex = thread.reason == WaitReason::kMutex;
    const std::uint64_t bytes = is_mutex ? sizeof(pthread_mutex_t) : sizeof(pthread_rwlock_t);
    return call.arguments[0] - thread.object < bytes;
  }
  // libc's thread for timers has a slot that says that it sleeps, and no more: it is looked at.
  if (call.number == SYS_rt_sigtimedwait && thread.reason == WaitReason::kSleep) return false;
  // A stopped process goes on with restart_syscall, whatever it waited in.
  return !is_futex || call.number == SYS_futex || call.number == kFutexWaitv ||
         call.number == SYS_sched_yield || call.number == SYS_restart_syscall || call.number < 0;
}

}  // namespace limpet
