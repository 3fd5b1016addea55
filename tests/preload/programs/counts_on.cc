// Allocates in a thread without end, and says how often when asked.
//
//   counts_on [signals]   while children end one after the other, and a handler hears of each
//   counts_on dumps       and asks for a dump of itself before each answer but the first

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

std::atomic<unsigned long> g_rounds = 0;
std::atomic<unsigned long> g_signals = 0;

SITE void KeptBlocks() {
  for (int i = 0; i < 100; ++i) UseBlock(malloc(100));
}

SITE void RoundsOn() {
  void* block = malloc(200);
  UseBlock(block);
  free(block);
}

void* CountOn(void*) {
  for (;; ++g_rounds) RoundsOn();
}

void OnChild(int) { ++g_signals; }

void* EndChildren(void*) {
  for (;;) {
    kill(getpid(), SIGCHLD);
    usleep(20);
  }
}

void StartThread(void* (*function)(void*)) {
  pthread_t thread;
  Require(pthread_create(&thread, nullptr, function, nullptr) == 0, "a thread starts");
  pthread_detach(thread);
}

// Without SA_RESTART: what is interrupted sees it.
void StartSignals() {
  struct sigaction action = {};
  action.sa_handler = OnChild;
  sigaction(SIGCHLD, &action, nullptr);
  StartThread(EndChildren);
}

void WaitPatiently() {
  char line = 0;
  long got = 0;
  do got = read(STDIN_FILENO, &line, 1);
  while (got < 0);
  if (got == 0) _exit(0);
}

}  // namespace

int main(int count, char** arguments) {
  const bool has_signals = count > 1 && IsMode(arguments[1], "signals");
  const bool has_dumps = count > 1 && IsMode(arguments[1], "dumps");
  StartWatchdog();
  KeptBlocks();
  StartThread(CountOn);
  if (has_signals) StartSignals();
  for (;;) {
    Say("rounds %lu", g_rounds.load());
    WaitPatiently();
    if (has_dumps) raise(SIGUSR1);
  }
}
