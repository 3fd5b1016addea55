// Allocates while a timer interrupts it 5000 times a second with a handler that allocates too.
//
//   plain      the handler returns
//   altstack   the same on a stack of its own
//   jump       it leaves by siglongjmp while the program computes
//   wild       it leaves by siglongjmp wherever it is, also inside our hooks, on a stack of its own
//   nested     it is left by the siglongjmp of a second handler while it allocates on that stack
//
// Linked to safe_allocator: with libc's malloc all this would be the program's own fault.

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kIntervalUs = 200;

sigjmp_buf g_again;
volatile sig_atomic_t g_may_jump = 0;
volatile sig_atomic_t g_handled = 0;
volatile sig_atomic_t g_jumps = 0;
volatile sig_atomic_t g_is_handling = 0;
bool g_is_wild = false;
bool g_jumps_home = false;
char g_signal_stack[65536];
volatile unsigned long g_allocated = 0;

SITE void HandlerAllocates() {
  void* blocks[4];
  for (void*& block : blocks) UseBlock(block = malloc(20));
  blocks[0] = realloc(blocks[0], 90);
  for (void* block : blocks) free(block);
}

void Handle(int) {
  int kept = errno;
  HandlerAllocates();
  g_handled = g_handled + 1;
  errno = kept;
  // Not every time, or the program would never come to its end.
  if (g_may_jump == 0 || g_handled % 3 != 0) return;
  g_may_jump = 0;
  g_jumps = g_jumps + 1;
  siglongjmp(g_again, 1);
}

void HandleForLong(int) {
  g_is_handling = 1;
  for (int i = 0; i < 50; ++i) HandlerAllocates();
  g_is_handling = 0;
  g_handled = g_handled + 1;
}

void LeaveHandler(int) {
  if (g_is_handling == 0 || g_may_jump == 0) return;
  g_is_handling = 0;
  g_jumps = g_jumps + 1;
  siglongjmp(g_again, 1);
}

SITE void MainAllocates() {
  void* blocks[16];
  for (void*& block : blocks) {
    UseBlock(block = malloc(60));
    g_allocated = g_allocated + 1;
  }
  for (void* block : blocks) free(block);
}

SITE void MainResizes() {
  void* block = nullptr;
  for (size_t bytes = 10; bytes < 300; bytes += 10) UseBlock(block = realloc(block, bytes));
  free(block);
}

SITE void AfterwardsAllocates() {
  for (int i = 0; i < 100; ++i) UseBlock(malloc(70));
}

void Compute() {
  volatile unsigned sum = 0;
  for (unsigned i = 0; i < 2000; ++i) sum = sum + i;
}

void Install(int signal, void (*handler)(int), bool has_stack) {
  if (has_stack) {
    stack_t stack = {};
    stack.ss_sp = g_signal_stack;
    stack.ss_size = sizeof(g_signal_stack);
    sigaltstack(&stack, nullptr);
  }
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | (has_stack ? SA_ONSTACK : 0);
  sigaction(signal, &action, nullptr);
}

// Not setitimer: its profiling timer knows only the ticks of the scheduler.
timer_t StartTimer(int signal, long interval_us) {
  timer_t timer;
  sigevent event = {};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal;
  itimerspec interval = {{0, interval_us * 1000}, {0, interval_us * 1000}};
  Require(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0, "there is a timer");
  timer_settime(timer, 0, &interval, nullptr);
  return timer;
}

bool IsTimeLeft(long until_ms) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000 < until_ms;
}

long InMs(long ms) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000 + ms;
}

}  // namespace

// The timer takes SIGALRM, so the watchdog is the caller's.
int main(int, char** arguments) {
  const char* mode = arguments[1];
  bool is_nested = IsMode(mode, "nested");
  g_jumps_home = is_nested || IsMode(mode, "jump");
  g_is_wild = IsMode(mode, "wild");
  Install(SIGALRM, is_nested ? HandleForLong : Handle,
          is_nested || g_is_wild || IsMode(mode, "altstack"));
  Install(SIGPROF, LeaveHandler, is_nested);
  long until_ms = InMs(atol(arguments[2]));
  UseBlock(malloc(1));  // the segment is there before the first signal
  // The long handler must leave the program some time.
  timer_t timer = StartTimer(SIGALRM, is_nested ? 5 * kIntervalUs : kIntervalUs);
  timer_t second = StartTimer(SIGPROF, is_nested ? 2 * kIntervalUs + 13 : 900'000);
  while (IsTimeLeft(until_ms)) {
    if (sigsetjmp(g_again, 1) == 0 && (g_jumps_home || g_is_wild)) {
      if (is_nested || g_is_wild) g_may_jump = 1;
      MainAllocates();
      MainResizes();
      g_may_jump = 1;
      Compute();
    } else {
      MainAllocates();
      MainResizes();
    }
    g_may_jump = 0;
  }
  timer_delete(timer);
  timer_delete(second);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  AfterwardsAllocates();
  Say("allocated %lu handled %d jumps %d", g_allocated, static_cast<int>(g_handled),
      static_cast<int>(g_jumps));
  WaitForTest();
}
