// Takes something from itself, and goes on: allocates, has children, is asked for a dump. Then it
// stops itself, as it may have nothing left to speak by, and lets the test look at it.
//
//   restrictions KIND WHEN [quiet]      WHEN: early, late: after the first sample

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kBlocks = 100;
constexpr size_t kBlockBytes = 1 << 20;

SITE void EarlyAllocates() { UseBlock(malloc(40)); }

// Large ones, which are mappings of their own.
SITE void RestrictedAllocates() {
  for (int i = 0; i < kBlocks; ++i) {
    void* block = malloc(kBlockBytes);
    UseBlock(block);
    free(block);
  }
}

void CloseAll(int first) {
  for (int descriptor = first; descriptor < 1024; ++descriptor) close(descriptor);
}

// The soft limit alone, so that others may have more.
void Limit(__rlimit_resource resource, rlim_t soft) {
  rlimit limit = {};
  Require(getrlimit(resource, &limit) == 0, "there is a limit");
  limit.rlim_cur = soft;
  Require(setrlimit(resource, &limit) == 0, "it is lowered");
}

void BlockAllSignals() {
  sigset_t all;
  sigfillset(&all);
  Require(sigprocmask(SIG_BLOCK, &all, nullptr) == 0, "signals are blocked");
}

void Restrict(const char* kind) {
  if (IsMode(kind, "closefrom")) CloseAll(0);
  if (IsMode(kind, "close_range")) Require(close_range(0, ~0u, 0) == 0, "close_range works");
  if (IsMode(kind, "RLIMIT_NOFILE")) Limit(RLIMIT_NOFILE, 0);
  if (IsMode(kind, "RLIMIT_FSIZE")) Limit(RLIMIT_FSIZE, 0);
  if (IsMode(kind, "RLIMIT_NPROC")) Limit(RLIMIT_NPROC, 1);
  if (IsMode(kind, "RLIMIT_AS")) Limit(RLIMIT_AS, 0);
  if (IsMode(kind, "RLIMIT_DATA")) Limit(RLIMIT_DATA, 0);
  if (IsMode(kind, "RLIMIT_MEMLOCK")) Limit(RLIMIT_MEMLOCK, 0);
  if (IsMode(kind, "RLIMIT_SIGPENDING")) Limit(RLIMIT_SIGPENDING, 0);
  if (IsMode(kind, "RLIMIT_STACK")) Limit(RLIMIT_STACK, 16 << 10);
  if (IsMode(kind, "signals")) BlockAllSignals();
}

void RunChild() {
  int pid = fork();
  if (pid == 0) {
    RestrictedAllocates();
    exit(6);
  }
  int status = 0;
  Require(pid > 0 && waitpid(pid, &status, 0) == pid, "there is a child");
  Require(WIFEXITED(status) && WEXITSTATUS(status) == 6, "it ends well");
}

// The lowest descriptor that is free says how many are taken below it.
int LowestFree() { return dup(0) == -1 && errno == EBADF ? 0 : -1; }

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a stopped one hears no alarm
  if (IsMode(arguments[2], "late")) EarlyAllocates();
  Restrict(arguments[1]);
  RestrictedAllocates();
  RunChild();
  if (count == 3) raise(SIGUSR1);
  RestrictedAllocates();
  bool is_closed = IsMode(arguments[1], "closefrom") || IsMode(arguments[1], "close_range");
  if (is_closed) Require(LowestFree() == 0, "nothing is open that was not opened");
  raise(SIGSTOP);
  return 5;
}
