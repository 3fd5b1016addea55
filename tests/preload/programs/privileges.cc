// Gives up rights, in the way that is asked for, and allocates afterwards.
//
//   privileges WHO WAY WHEN [PROGRAM ...]    WHO: self, child, heir: a child afterwards, staged:
//   self
//                                            after the test's word, busy: with a thread at work
//                                            WHEN: early, late: after the first sample, only: never
//
// Then becomes PROGRAM, if there is one.

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/ready.h"
#include "tests/preload/programs/stage.h"

namespace {

constexpr uid_t kNobody = 65534;
constexpr int kSamplesNothing = 77;

SITE void EarlyAllocates() { UseBlock(malloc(40)); }

SITE void LateAllocates() {
  void* blocks[100];
  for (void*& block : blocks) UseBlock(block = malloc(1 << 20));
  for (int i = 0; i < 50; ++i) free(blocks[i]);
}

std::atomic<bool> g_is_busy = true;

SITE void* BusyAllocates(void*) {
  while (g_is_busy) {
    void* block = malloc(48);
    UseBlock(block);
    free(block);
  }
  return nullptr;
}

void RequireNobody() { Require(geteuid() == kNobody, "the user is nobody"); }

void DropUser() {
  Require(setgroups(0, nullptr) == 0 && setgid(kNobody) == 0, "the groups are given up");
  Require(setuid(kNobody) == 0, "the user is given up");
  RequireNobody();
  errno = 0;
  Require(setuid(0) == -1 && errno == EPERM, "there is no way back");
}

void DropAllUsers() {
  Require(setresgid(kNobody, kNobody, kNobody) == 0, "the groups are given up");
  Require(setresuid(kNobody, kNobody, kNobody) == 0, "the user is given up");
  RequireNobody();
}

// Into an empty directory, where there is neither /proc nor /dev.
void ChangeRoot() {
  char directory[] = "/tmp/limpet-root-XXXXXX";
  Require(mkdtemp(directory) != nullptr && chdir(directory) == 0, "there is a directory");
  Require(rmdir(directory) == 0 && chroot(".") == 0, "it is the root, and not left behind");
  Require(access("/proc", F_OK) == -1, "nothing is there");
}

void GiveUp(const char* way) {
  if (IsMode(way, "nothing")) Require(setuid(getuid()) == 0, "one may stay who one is");
  if (IsMode(way, "setuid")) DropUser();
  if (IsMode(way, "setresuid")) DropAllUsers();
  if (IsMode(way, "seteuid")) Require(seteuid(kNobody) == 0, "the effective user changes");
  if (IsMode(way, "setreuid")) Require(setreuid(kNobody, kNobody) == 0, "both users change");
  if (IsMode(way, "setfsuid")) Require(setfsuid(kNobody) == 0, "the user of files changes");
  if (IsMode(way, "chroot")) ChangeRoot();
  if (IsMode(way, "same_root")) Require(chroot("/") == 0, "the root stays what it is");
  if (IsMode(way, "same_root_setuid")) Require(chroot("/") == 0, "the root stays"), DropUser();
  if (way[0] == '/') Require(chdir(way) == 0 && chroot(".") == 0, "it is the root"), DropUser();
  if (IsMode(way, "chroot_setuid")) ChangeRoot(), DropUser();
  if (IsMode(way, "unshare") && unshare(CLONE_NEWNS) != 0) _exit(kSamplesNothing);
  if (IsMode(way, "not_dumpable")) Require(prctl(PR_SET_DUMPABLE, 0) == 0, "it is not dumpable");
}

void Work(const char* way, const char* when) {
  StartWatchdog();
  if (IsMode(when, "late")) EarlyAllocates();
  GiveUp(way);
  if (!IsMode(when, "only")) LateAllocates();
  Say("worked %d", getpid());
  WaitForTest();
}

int RunChild(const char* way, const char* when) {
  int pid = fork();
  if (pid == 0) exit((Work(way, when), 5));
  int status = 0;
  Require(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "the child ends by itself");
  return WEXITSTATUS(status);
}

int RunBusy(const char* way, const char* when) {
  pthread_t thread;
  Require(pthread_create(&thread, nullptr, BusyAllocates, nullptr) == 0, "a thread is made");
  Work(way, when);
  g_is_busy = false;
  pthread_join(thread, nullptr);
  return 5;
}

}  // namespace

int main(int count, char** arguments) {
  if (IsMode(arguments[1], "heir")) return GiveUp(arguments[2]), RunChild("", arguments[3]);
  if (IsMode(arguments[1], "child")) return RunChild(arguments[2], arguments[3]);
  if (IsMode(arguments[1], "busy")) return RunBusy(arguments[2], arguments[3]);
  if (IsMode(arguments[1], "staged")) EarlyAllocates(), Ready();
  if (count > 4) return GiveUp(arguments[2]), execv(arguments[4], arguments + 4);
  Work(arguments[2], arguments[3]);
  return 5;
}
