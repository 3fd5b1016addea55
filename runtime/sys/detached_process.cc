#include "runtime/sys/detached_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cstddef>

#include "runtime/sys/errno_keeper.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/memory_file.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {
namespace {

constexpr std::size_t kStackBytes = 8192;
constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
constexpr std::uint64_t kNoSignals = 0;
constexpr long kPollMs = 2;
constexpr std::uint64_t kNsPerMs = 1'000'000;

alignas(16) char g_middle_stack[kStackBytes];
alignas(16) char g_program_stack[kStackBytes];

// Lies on the starter's stack, which both children share.
struct Start {
  const char* const* paths;
  const char* const* arguments;
  const Preparation* preparation;
  int pid;
  int error_number;
};

long ChangeSignalMask(const std::uint64_t* mask, std::uint64_t* old) {
  return RawSyscall(SYS_rt_sigprocmask, SIG_SETMASK, AsArgument(mask), AsArgument(old),
                    sizeof(*mask));
}

// What the program has lowered for itself; what it may raise again itself counts here.
void RaiseLimits() {
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    if (resource == RLIMIT_CORE) continue;  // a companion leaves no core in the program's folder
    rlimit limit = {};
    RawSyscall(SYS_prlimit64, 0, resource, 0, AsArgument(&limit));
    if (limit.rlim_cur == limit.rlim_max) continue;
    limit.rlim_cur = limit.rlim_max;
    RawSyscall(SYS_prlimit64, 0, resource, AsArgument(&limit));
  }
}

// Without any, what the program opens next would be its stderr.
long OpenNull() {
  long null = RawSyscall(SYS_open, AsArgument("/dev/null"), O_RDWR);
  return Failed(null) ? MakeMemoryFile("null") : null;
}

void OpenNullDescriptors() {
  long null = OpenNull();
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    if (Failed(null))
      RawSyscall(SYS_close, descriptor);
    else
      RawSyscall(SYS_dup2, null, descriptor);
  }
  RawSyscall(SYS_close_range, 3, ~0u, 0);
}

// The program's handlers would run in this child as soon as signals are let through, in the
// program's memory; the table of handlers is the child's own copy.
void ResetHandlers() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    std::uint64_t mask;
  } action = {SIG_DFL, 0, nullptr, 0};
  for (int signal = 1; signal <= 64; ++signal) {
    RawSyscall(SYS_rt_sigaction, signal, AsArgument(&action), 0, sizeof(action.mask));
  }
}

// As execve will do: the user and group of files are the effective ones. Where that changes them
// the kernel makes the memory, which is still the program's, undumpable.
void TakeFileRights() {
  long dumpable = RawSyscall(SYS_prctl, PR_GET_DUMPABLE);
  RawSyscall(SYS_setfsgid, RawSyscall(SYS_getegid));
  RawSyscall(SYS_setfsuid, RawSyscall(SYS_geteuid));
  if (dumpable == 1) RawSyscall(SYS_prctl, PR_SET_DUMPABLE, dumpable);
}

// 0, or an error number, negated.
long Prepare(const Preparation* preparation) {
  if (preparation == nullptr) return 0;
  TakeFileRights();
  long handed = preparation->prepare(preparation->context);
  if (handed < 0 || handed == kNothingHanded || handed == kHandedDescriptor)
    return handed < 0 ? handed : 0;
  long result = RawSyscall(SYS_dup2, handed, kHandedDescriptor);
  RawSyscall(SYS_close, handed);
  return Failed(result) ? result : 0;
}

// Comes back only where none can be executed: with the reason.
long Execute(const Start& start) {
  static const char* const kNoEnvironment[] = {nullptr};
  long result = -ENOENT;
  for (const char* const* path = start.paths; *path != nullptr; ++path) {
    long refused = RawSyscall(SYS_execve, AsArgument(*path), AsArgument(start.arguments),
                              AsArgument(kNoEnvironment));
    if (refused != -ENOENT) result = refused;  // says more than that the others are not there
  }
  return result;
}

// In the grandchild.
void BecomeProgram(Start* start) {
  RawSyscall(SYS_setsid);
  RaiseLimits();
  ResetHandlers();
  OpenNullDescriptors();
  long result = Prepare(start->preparation);
  if (result == 0) {
    ChangeSignalMask(&kNoSignals, nullptr);
    result = Execute(*start);
  }
  start->error_number = static_cast<int>(-result);
  RawSyscall(SYS_exit, 127);
}

int RunProgram(void* argument) {
  BecomeProgram(static_cast<Start*>(argument));
  return 127;
}

// clone() is libc's only for the switch of stacks; it sets errno, which the caller keeps.
long CloneVfork(int (*body)(void*), char* stack, Start* start) {
  int pid = clone(body, stack + kStackBytes, CLONE_VM | CLONE_VFORK, start);
  return pid < 0 ? -errno : pid;
}

int RunMiddle(void* argument) {
  auto* start = static_cast<Start*>(argument);
  long pid = CloneVfork(RunProgram, g_program_stack, start);
  if (pid < 0)
    start->error_number = static_cast<int>(-pid);
  else
    start->pid = static_cast<int>(pid);
  RawSyscall(SYS_exit, 0);
  return 0;
}

// Either may come back early, because of a signal handler of the program.
bool WaitByDescriptor(long descriptor, std::uint64_t timeout_ms) {
  pollfd ended = {static_cast<int>(descriptor), POLLIN, 0};
  return RawSyscall(SYS_poll, AsArgument(&ended), 1, static_cast<long>(timeout_ms)) == 1;
}

bool WaitByAsking(int pid, std::uint64_t timeout_ms) {
  if (RawSyscall(SYS_kill, pid, 0) == -ESRCH) return true;
  if (timeout_ms == 0) return false;
  timespec pause = {0, kPollMs * static_cast<long>(kNsPerMs)};
  RawSyscall(SYS_nanosleep, AsArgument(&pause), 0);
  return false;
}

}  // namespace

DetachedProcess StartDetached(const char* const* paths, const char* const* arguments,
                              const Preparation* preparation) {
  Start start = {paths, arguments, preparation, 0, 0};
  std::uint64_t old_mask = 0;
  ErrnoKeeper errno_keeper;
  // The program's handlers must not run in children that share its memory.
  ChangeSignalMask(&kAllSignals, &old_mask);
  long middle = CloneVfork(RunMiddle, g_middle_stack, &start);
  if (middle < 0)
    start.error_number = static_cast<int>(-middle);
  else
    RawSyscall(SYS_wait4, middle, 0, __WALL, 0);
  ChangeSignalMask(&old_mask, nullptr);
  bool has_started = start.pid != 0 && start.error_number == 0;
  return {has_started ? start.pid : 0, start.error_number};
}

bool WaitUntilGone(int pid, int timeout_ms) {
  std::uint64_t now_ns = KernelClockNs(CLOCK_MONOTONIC);
  const std::uint64_t end_ns = now_ns + static_cast<std::uint64_t>(timeout_ms) * kNsPerMs;
  // A process that was reaped has no pid any more; while it is a zombie of init its pidfd is
  // readable.
  long descriptor = RawSyscall(SYS_pidfd_open, pid, 0);
  if (descriptor == -ESRCH) return true;
  bool is_gone = false;
  do {
    std::uint64_t left_ms = now_ns < end_ns ? (end_ns - now_ns) / kNsPerMs + 1 : 0;
    is_gone =
        Failed(descriptor) ? WaitByAsking(pid, left_ms) : WaitByDescriptor(descriptor, left_ms);
    now_ns = KernelClockNs(CLOCK_MONOTONIC);
  } while (!is_gone && now_ns < end_ns);
  if (!Failed(descriptor)) RawSyscall(SYS_close, descriptor);
  return is_gone;
}

}  // namespace limpet::sys
