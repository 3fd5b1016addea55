// Forbids itself all system calls but a few, and goes on working.
//
//   sandboxes WAY ACTION WHEN BLOCKS
//     WAY     prctl, seccomp, own (what no hook sees), strict
//     ACTION  kill, errno: what becomes of other system calls
//     WHEN    early, late: after the first sample

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/preload/programs/own_system_call.h"
#include "tests/preload/programs/stage.h"
#include "tests/preload/programs/system_call_filter.h"

namespace {

SITE void EarlyAllocates() { UseBlock(malloc(40)); }

// Chained, so that no list of them is needed.
SITE void SandboxAllocates(long count) {
  static void** last = nullptr;
  for (long i = 0; i < count; ++i) {
    auto** block = static_cast<void**>(malloc(64));
    UseBlock(block);
    *block = last;
    last = block;
  }
}

SITE void* ThreadAllocates(void*) {
  for (int i = 0; i < 100; ++i) {
    void* block = malloc(70);
    UseBlock(block);
    free(block);
  }
  return nullptr;
}

SITE void ChildAllocates() {
  for (int i = 0; i < 100; ++i) UseBlock(malloc(90));
}

SITE void FiberAllocates() { UseBlock(malloc(33)); }

// `filter` is one more, by the way that the program takes.
long AddFilter(const char* way, sock_fprog* filter) {
  if (IsMode(way, "prctl")) return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter);
  if (IsMode(way, "seccomp")) return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter);
  return OwnSystemCall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, reinterpret_cast<long>(filter));
}

// Twice, as programs do whose libraries put themselves under filters too.
void Enter(const char* way, const char* action) {
  unsigned refusal = IsMode(action, "kill") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EACCES;
  sock_fprog filter = MakeFilter(refusal);
  int times = IsMode(way, "own") ? 1 : 2;
  errno = 55;
  for (int i = 0; i < times; ++i) {
    Require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && errno == 55, "there is no way to more");
    Require(AddFilter(way, &filter) == 0 && errno == 55, "the filter is there");
  }
}

// Without the library it would be the end.
void AskForDump() {
  if (getenv("LD_PRELOAD") != nullptr) raise(SIGUSR1);
}

void RunThreads() {
  for (int i = 0; i < 100; ++i) {
    pthread_t thread;
    Require(pthread_create(&thread, nullptr, ThreadAllocates, nullptr) == 0, "a thread starts");
    pthread_join(thread, nullptr);
  }
}

void RunChild() {
  int status = 0;
  fflush(stdout);
  int pid = fork();
  if (pid == 0) {
    ChildAllocates();
    AskForDump();
    ChildAllocates();
    exit(6);
  }
  Require(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "the child ends by itself");
  Require(WEXITSTATUS(status) == 6, "the child ends well");
}

// On a stack that is no thread's own.
void RunFiber() {
  static ucontext_t here, fiber;
  static char stack[1 << 16];
  getcontext(&fiber);
  fiber.uc_stack.ss_sp = stack;
  fiber.uc_stack.ss_size = sizeof(stack);
  fiber.uc_link = &here;
  makecontext(&fiber, FiberAllocates, 0);
  swapcontext(&here, &fiber);
}

// Small blocks need no system call; the exit does, and ends it.
void RunStrictly() {
  Require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0, "strict mode is there");
  SandboxAllocates(100);
  printf("printed\n");
  exit(0);
}

// The seventh argument, which lies on the stack, arrives.
void MapByNumber() {
  constexpr long kOffset = 4096;
  char bytes[64];
  int file = open("/proc/self/exe", O_RDONLY);
  Require(pread(file, bytes, sizeof(bytes), kOffset) == sizeof(bytes), "there is a second page");
  long map = syscall(SYS_mmap, nullptr, kOffset, PROT_READ, MAP_PRIVATE, file, kOffset);
  Require(map != -1 && memcmp(reinterpret_cast<void*>(map), bytes, sizeof(bytes)) == 0,
          "it is what is mapped");
  close(file);
}

// The kernel is asked what it knows, which changes nothing.
void AskForFilters() {
  Require(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, nullptr) == -1 && errno == EFAULT,
          "it knows filters");
  Require(prctl(PR_SET_SECCOMP, 77L) == -1 && errno == EINVAL, "it does not know that mode");
  MapByNumber();
  Say("asked");
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  const char* way = arguments[1];
  StartWatchdog();
  setvbuf(stdout, nullptr, _IOFBF, 1 << 12);
  if (IsMode(way, "strict")) EarlyAllocates(), RunStrictly();
  if (IsMode(way, "ask")) return AskForFilters(), 5;
  if (IsMode(arguments[3], "late")) EarlyAllocates();
  Enter(way, arguments[2]);
  SandboxAllocates(atol(arguments[4]));
  RunThreads();
  if (IsMode(way, "own")) return Say("worked"), 5;
  AskForDump();
  RunFiber();
  RunChild();
  printf("printed\n");
  Say("worked");
  WaitForTest();
  return 5;
}
