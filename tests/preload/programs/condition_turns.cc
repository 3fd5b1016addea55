// Four threads hand a turn to each other at full speed. Each waits on a condition of its own for
// each depth that it waits at, so that object, stack and thread say the same three times:
//
//   thread k, d calls deep:   conditions[k][d]     WaitForTurn <- Descend x d <- TakeTurns

#include <pthread.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kThreads = 4;
constexpr int kDepths = 16;

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_conditions[kThreads][kDepths];
int g_depths[kThreads] = {};  // where each waits
int g_turn = 0;
volatile unsigned long g_turns = 0;

void PassTurn(int thread) {
  g_turn = (thread + 1) % kThreads;
  g_turns = g_turns + 1;
  pthread_cond_signal(&g_conditions[g_turn][g_depths[g_turn]]);
}

SITE void LockForTurn() {
  pthread_mutex_lock(&g_mutex);
  asm volatile("" ::: "memory");
}

SITE void WaitForTurn(int thread, int depth) {
  LockForTurn();
  g_depths[thread] = depth;
  while (g_turn != thread) pthread_cond_wait(&g_conditions[thread][depth], &g_mutex);
  PassTurn(thread);
  pthread_mutex_unlock(&g_mutex);
}

SITE void Descend(int thread, int depth, int left) {
  if (left == 0)
    WaitForTurn(thread, depth);
  else
    Descend(thread, depth, left - 1);
  asm volatile("" ::: "memory");
}

SITE void* TakeTurns(void* argument) {
  const int thread = *static_cast<const int*>(argument);
  const char name[] = {'t', 'u', 'r', 'n', static_cast<char>('0' + thread), '\0'};
  pthread_setname_np(pthread_self(), name);
  for (auto random = static_cast<unsigned>(thread);; random = random * 1'103'515'245 + 12'345) {
    const int depth = static_cast<int>(random >> 16) % kDepths;
    Descend(thread, depth, depth);
  }
}

}  // namespace

int main() {
  static constexpr int kNumbers[kThreads] = {0, 1, 2, 3};
  StartWatchdog();
  for (auto& conditions : g_conditions) {
    for (pthread_cond_t& condition : conditions) pthread_cond_init(&condition, nullptr);
  }
  for (const int& number : kNumbers) {
    pthread_t thread;
    Require(pthread_create(&thread, nullptr, TakeTurns, const_cast<int*>(&number)) == 0,
            "a thread starts");
  }
  while (g_turns < 1000) usleep(1000);
  Say("mutex %lu", reinterpret_cast<unsigned long>(&g_mutex));
  Say("conditions %lu", reinterpret_cast<unsigned long>(&g_conditions));
  Say("ready");
  WaitForTest();
  Say("turns %lu", g_turns);
  _exit(0);
}
