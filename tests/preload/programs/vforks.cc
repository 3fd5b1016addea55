// Allocates in children of vfork, which use the memory of their parent.
//
//   first    before the parent has allocated anything
//   thread   in a thread that nobody has seen before

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/programs/stage.h"
#include "tests/preload/programs/unseen_thread.h"

namespace {

constexpr int kBlocks = 8;
void* volatile g_blocks[kBlocks];

SITE void VforkChildAllocates() {
  for (int i = 0; i < kBlocks; ++i) {
    void* block = malloc(70);
    UseBlock(block);
    g_blocks[i] = block;
  }
  for (int i = 0; i < kBlocks / 2; ++i) free(g_blocks[i]);
}

SITE void ParentAllocates() {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(100));
}

// The child becomes a program that is traced, too. Returns its pid.
SITE int AllocateInChild() {
  char* const arguments[] = {const_cast<char*>("/bin/true"), nullptr};
  int pid = vfork();
  if (pid == 0) {
    VforkChildAllocates();
    execv(arguments[0], arguments);
    _exit(127);
  }
  return pid;
}

int RunChild() {
  int status = -1;
  int pid = AllocateInChild();
  Require(waitpid(pid, &status, 0) == pid && status == 0, "the child becomes what it should");
  return pid;
}

void FreeTheRest() {
  for (int i = kBlocks / 2; i < kBlocks; ++i) free(g_blocks[i]);
}

void BeforeTheParent() {
  RunChild();
  Say("child");
  WaitForTest();
  ParentAllocates();
  FreeTheRest();
  Say("parent");
  WaitForTest();
}

void* RunChildInThread(void*) {
  int pid = RunChild();
  ParentAllocates();
  FreeTheRest();
  Say("thread %d", gettid());
  WaitForTest();
  Say("child %d", pid);
  WaitForTest();
  return nullptr;
}

void InThread() {
  UseBlock(malloc(10));
  pthread_join(StartUnseen(RunChildInThread, nullptr), nullptr);
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  if (IsMode(arguments[1], "first")) BeforeTheParent();
  if (IsMode(arguments[1], "thread")) InThread();
}
