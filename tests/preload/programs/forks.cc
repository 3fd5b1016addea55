// Makes child processes in every way there is, and says what it allocates.

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

extern char** environ;

namespace {

constexpr int kParentBlocks = 10;
void* g_parent_blocks[kParentBlocks];

SITE void ParentAllocates() {
  for (void*& block : g_parent_blocks) UseBlock(block = malloc(100));
}
SITE void ParentFrees() {
  for (void* block : g_parent_blocks) free(block);
}
SITE void ChildAllocates() {
  void* blocks[8];
  for (void*& block : blocks) UseBlock(block = malloc(50));
  free(blocks[0]);
}
SITE void GrandchildAllocates() { UseBlock(malloc(30)); }

int Clone3() {
  clone_args arguments = {};
  arguments.exit_signal = SIGCHLD;
  return static_cast<int>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

int Fork(const char* way) {
  if (IsMode(way, "fork")) return fork();
  if (IsMode(way, "_Fork")) return _Fork();
  if (IsMode(way, "SYS_fork")) return static_cast<int>(syscall(SYS_fork));
  if (IsMode(way, "SYS_clone"))
    return static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, nullptr, nullptr, 0));
  Require(IsMode(way, "SYS_clone3"), "the way to fork is known");
  return Clone3();
}

void WaitForChild(int pid, int expected_status) {
  int status = 0;
  Require(pid > 0 && waitpid(pid, &status, 0) == pid, "the child is ours");
  Require(status == expected_status, "the child ends as it should");
}

[[noreturn]] void Grandchild() {
  StartWatchdog();
  GrandchildAllocates();
  Say("grandchild %d", getpid());
  WaitForTest();
  _exit(0);
}

// Frees what it inherited and what it allocated, and forks once more.
[[noreturn]] void Child(const char* way) {
  StartWatchdog();
  for (int i = 0; i < kParentBlocks / 2; ++i) free(g_parent_blocks[i]);
  ChildAllocates();
  Say("child %d", getpid());
  WaitForTest();
  int pid = Fork(way);
  if (pid == 0) Grandchild();
  WaitForChild(pid, 0);
  for (int i = kParentBlocks / 2; i < kParentBlocks; ++i) free(g_parent_blocks[i]);
  _exit(0);
}

void ForkTwice(const char* way) {
  ParentAllocates();
  int pid = Fork(way);
  if (pid == 0) Child(way);
  WaitForChild(pid, 0);
  Say("parent");
  WaitForTest();
  ParentFrees();
  Say("freed");
  WaitForTest();
}

// The volatile keeps the compiler from mixing up the two returns of vfork.
void VforkAndExec(const char* path) {
  char* const arguments[] = {const_cast<char*>(path), nullptr};
  volatile int pid = vfork();
  if (pid == 0) {
    execve(path, arguments, environ);
    _exit(127);
  }
  WaitForChild(pid, access(path, X_OK) == 0 ? 0 : 127 << 8);
}

void Spawn() {
  char* const arguments[] = {const_cast<char*>("/bin/true"), nullptr};
  pid_t pid = 0;
  Require(posix_spawn(&pid, "/bin/true", nullptr, nullptr, arguments, environ) == 0, "spawn works");
  WaitForChild(pid, 0);
}

void ReadFromShell() {
  char text[8] = {};
  FILE* shell = popen("echo shell; /bin/true", "r");
  Require(shell != nullptr && fgets(text, sizeof(text), shell) != nullptr, "popen works");
  Require(strcmp(text, "shell\n") == 0, "the shell says what it should");
  Require(pclose(shell) == 0, "the shell ends well");
}

void StartOthers() {
  ParentAllocates();
  for (int i = 0; i < 5; ++i) {
    VforkAndExec("/bin/true");
    VforkAndExec("/nowhere/at/all");
    Spawn();
    Require(system("/bin/true; exit 3") == 3 << 8, "system gives the status");
    ReadFromShell();
  }
  Say("parent");
  WaitForTest();
}

// --- Many threads that fork while many others allocate ---

constexpr int kThreads = 8;
std::atomic<int> g_forks_left;
std::atomic<bool> g_is_over = false;
std::atomic<unsigned long> g_storm_blocks = 0;

SITE void* StormAllocates(void*) {
  void* blocks[64] = {};
  unsigned long count = 0;
  for (unsigned i = 1; !g_is_over.load(); ++i) {
    void*& block = blocks[i * 2654435761u >> 26];
    free(block);
    UseBlock(block = malloc(16 + i % 300));
    ++count;
  }
  for (void* block : blocks) free(block);
  g_storm_blocks.fetch_add(count);
  return nullptr;
}

SITE void* StormChildAllocates(void*) {
  for (int i = 0; i < 20; ++i) free(malloc(40));
  return nullptr;
}

[[noreturn]] void StormChild() {
  pthread_t thread;
  StartWatchdog();
  void* block = malloc(70);
  Require(pthread_create(&thread, nullptr, StormChildAllocates, nullptr) == 0,
          "a child has threads");
  pthread_join(thread, nullptr);
  free(block);
  _exit(0);
}

void* StormForks(void*) {
  while (g_forks_left.fetch_sub(1) > 0) {
    int pid = fork();
    if (pid == 0) StormChild();
    WaitForChild(pid, 0);
  }
  return nullptr;
}

void Storm(int forks) {
  pthread_t allocating[kThreads], forking[kThreads];
  g_forks_left = forks;
  for (pthread_t& thread : allocating) pthread_create(&thread, nullptr, StormAllocates, nullptr);
  for (pthread_t& thread : forking) pthread_create(&thread, nullptr, StormForks, nullptr);
  for (pthread_t& thread : forking) pthread_join(thread, nullptr);
  g_is_over = true;
  for (pthread_t& thread : allocating) pthread_join(thread, nullptr);
  Say("blocks %lu", g_storm_blocks.load());
  WaitForTest();
}

// --- Children whose threads are the first to allocate ---

constexpr int kFirstChildren = 20;
constexpr int kFirstBlocks = 200;

void* Wait(void*) {
  for (;;) pause();
}

pthread_barrier_t g_first;

SITE void* FirstAllocates(void*) {
  pthread_barrier_wait(&g_first);
  for (int i = 0; i < kFirstBlocks; ++i) UseBlock(malloc(16));
  return nullptr;
}

[[noreturn]] void FirstChild() {
  pthread_t threads[kThreads];
  StartWatchdog();
  pthread_barrier_init(&g_first, nullptr, kThreads);
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, FirstAllocates, nullptr);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("child %d", getpid());
  WaitForTest();
  _exit(0);
}

// The parent's threads leave their stacks to the child's, so that starting one allocates nothing.
void ForkFirstChildren() {
  pthread_t waiting[kThreads];
  for (pthread_t& thread : waiting) pthread_create(&thread, nullptr, Wait, nullptr);
  for (int i = 0; i < kFirstChildren; ++i) {
    int pid = fork();
    if (pid == 0) FirstChild();
    WaitForChild(pid, 0);
  }
}

long PageFaults() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

// What a child's first sample costs it, in pages.
void ForkBriefChild() {
  for (int i = 0; i < 1000; ++i) UseBlock(malloc(1000));
  int pid = fork();
  if (pid == 0) {
    long before = PageFaults();
    UseBlock(malloc(100'000));  // a sample at 4 KiB, but for one in 10^10
    Say("faults %ld", PageFaults() - before);
    WaitForTest();
    _exit(0);
  }
  WaitForChild(pid, 0);
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  if (count == 3 && IsMode(arguments[1], "storm")) {
    alarm(10 * kWatchdogSeconds);
    Storm(atoi(arguments[2]));
  } else if (IsMode(arguments[1], "first")) {
    ForkFirstChildren();
  } else if (IsMode(arguments[1], "brief")) {
    ForkBriefChild();
  } else if (IsMode(arguments[1], "others")) {
    StartOthers();
  } else {
    ForkTwice(arguments[1]);
  }
}
