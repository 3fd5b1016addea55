// Stops one thread wherever it is, and looks whether others go on; again and again, until it was
// inside of the library TIMES.
//
//   anywhere TIMES   while it allocates without end
//   starting TIMES   at the first sample of a process, each time of another one
//
// Linked to safe_allocator: a thread that is stopped in libc's malloc may hold libc's own lock.

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#include <atomic>

#include "tests/preload/programs/stage.h"
#include "tests/preload/programs/unseen_thread.h"

namespace {

constexpr int kWorkers = 2;
constexpr unsigned kEnough = 200;  // rounds of each worker while the other thread is held
constexpr long kPatienceMs = 10'000;

std::atomic<bool> g_is_held = false;
std::atomic<bool> g_may_go_on = false;
std::atomic<bool> g_is_over = false;
std::atomic<int> g_inside = 0;
std::atomic<unsigned> g_rounds[kWorkers] = {};

void Pause(long ns) {
  timespec pause = {0, ns};
  nanosleep(&pause, nullptr);
}

long NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

template <class Condition>
bool ComesTrue(Condition condition) {
  for (long end_ms = NowMs() + kPatienceMs; NowMs() < end_ms; Pause(100'000)) {
    if (condition()) return true;
  }
  return false;
}

bool IsInLibrary(const void* code) {
  Dl_info info = {};
  return dladdr(code, &info) != 0 && strstr(info.dli_fname, "liblimpet") != nullptr;
}

// Where the thread is held is looked at later: dladdr() may wait.
std::atomic<uintptr_t> g_held_at = 0;

void Hold(int, siginfo_t*, void* context) {
  g_held_at = static_cast<uintptr_t>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
  g_is_held = true;
  while (!g_may_go_on) Pause(20'000);
  g_may_go_on = false;
}

void StartHolding() {
  struct sigaction action = {};
  action.sa_sigaction = Hold;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGUSR2, &action, nullptr);
}

void HoldThread(pthread_t thread) {
  g_is_held = false;
  pthread_kill(thread, SIGUSR2);
  Require(ComesTrue([] { return g_is_held.load(); }), "the thread can be held");
  g_inside += IsInLibrary(reinterpret_cast<void*>(g_held_at.load())) ? 1 : 0;
}

void LetGoOn() {
  g_may_go_on = true;
  Require(ComesTrue([] { return !g_may_go_on; }), "the thread goes on");
}

// Where the scheduler puts the signals is chance.
bool IsToBeRepeated(long tries, long times) { return g_inside < times && tries < 100 * times; }

SITE void* AllocateAtDepth(size_t bytes, unsigned depth) {
  void* block = depth == 0 ? malloc(bytes) : AllocateAtDepth(bytes, depth - 1);
  asm volatile("" : "+r"(block));
  return block;
}

SITE void AllocateAndFree(unsigned round) {
  void* block = AllocateAtDepth(100, round % 40);
  UseBlock(block = realloc(block, 200));
  free(block);
}

void* AllocateWithoutEnd(void*) {
  for (unsigned round = 0; !g_is_over; ++round) AllocateAndFree(round);
  return nullptr;
}

void* WorkWithoutEnd(void* argument) {
  auto* rounds = static_cast<std::atomic<unsigned>*>(argument);
  while (!g_is_over) AllocateAndFree((*rounds)++);
  return nullptr;
}

void ExpectWorkersGoOn() {
  for (std::atomic<unsigned>& rounds : g_rounds) {
    unsigned before = rounds;
    bool goes_on = ComesTrue([&] { return rounds - before >= kEnough; });
    Require(goes_on, "threads go on while another one is held");
  }
}

void RunAnywhere(int times) {
  pthread_t held, workers[kWorkers];
  pthread_create(&held, nullptr, AllocateWithoutEnd, nullptr);
  for (int i = 0; i < kWorkers; ++i)
    pthread_create(&workers[i], nullptr, WorkWithoutEnd, &g_rounds[i]);
  ExpectWorkersGoOn();
  for (long i = 0; IsToBeRepeated(i, times); ++i) {
    StartWatchdog();
    HoldThread(held);
    ExpectWorkersGoOn();
    LetGoOn();
    Pause(1000 + 7919 * i % 300'000);
  }
  g_is_over = true;
  pthread_join(held, nullptr);
  for (pthread_t worker : workers) pthread_join(worker, nullptr);
}

// --- The first sample ---

constexpr size_t kSureSampleBytes = 4 << 20;
std::atomic<bool> g_may_start = false;

void* SampleOnce(void*) {
  while (!g_may_start) {
  }
  UseBlock(malloc(kSureSampleBytes));
  while (!g_is_over) Pause(20'000);
  return nullptr;
}

void* SampleMore(void* is_done) {
  for (int i = 0; i < 10; ++i) UseBlock(malloc(kSureSampleBytes));
  *static_cast<std::atomic<bool>*>(is_done) = true;
  return nullptr;
}

// Exits with 0 where it was held outside of the library, 1 inside.
[[noreturn]] void StartAndHold(long delay_ns) {
  std::atomic<bool> is_done = false;
  StartWatchdog();
  g_inside = 0;
  pthread_t held = StartUnseen(SampleOnce, nullptr);  // one that is seen makes it at once
  Pause(500'000);
  g_may_start = true;
  Pause(delay_ns);
  HoldThread(held);
  StartUnseen(SampleMore, &is_done);
  Require(ComesTrue([&] { return is_done.load(); }),
          "threads go on while another one makes the segment");
  LetGoOn();
  _exit(g_inside);
}

void RunStarting(int times) {
  for (long i = 0; IsToBeRepeated(i, times); ++i) {
    StartWatchdog();
    pid_t pid = fork();
    if (pid == 0) StartAndHold(1 + i % 20 * 10'000);
    int status = -1;
    waitpid(pid, &status, 0);
    Require(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "the process goes on");
    g_inside += WEXITSTATUS(status);
  }
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  StartHolding();
  int times = atoi(arguments[2]);
  if (IsMode(arguments[1], "anywhere")) RunAnywhere(times);
  if (IsMode(arguments[1], "starting")) RunStarting(times);
  Say("inside %d", g_inside.load());
  WaitForTest();
}
