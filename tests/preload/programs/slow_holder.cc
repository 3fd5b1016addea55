// One thread holds a lock for long, again and again; eight hold it for a moment.
//
//   slow_holder mutex | read_write | condition      condition: the slow one lets go by waiting

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "tests/preload/programs/ready.h"

namespace {

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t g_read_write = PTHREAD_RWLOCK_INITIALIZER;
pthread_cond_t g_never = PTHREAD_COND_INITIALIZER;
std::atomic<bool> g_is_over = false;
const char* g_kind = nullptr;

bool Is(const char* kind) { return strcmp(g_kind, kind) == 0; }

void SleepNs(long ns) {
  const timespec span = {0, ns};
  nanosleep(&span, nullptr);
}

void Lock() {
  if (Is("read_write"))
    pthread_rwlock_wrlock(&g_read_write);
  else
    pthread_mutex_lock(&g_mutex);
}

void Unlock() {
  if (Is("read_write"))
    pthread_rwlock_unlock(&g_read_write);
  else
    pthread_mutex_unlock(&g_mutex);
}

void WaitForAMoment() {
  timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_nsec += 1'000'000;
  if (end.tv_nsec >= 1'000'000'000) end.tv_nsec -= 1'000'000'000, ++end.tv_sec;
  pthread_cond_timedwait(&g_never, &g_mutex, &end);
}

[[gnu::noinline]] void HoldLong() {
  Lock();
  SleepNs(20'000'000);
  if (Is("condition")) WaitForAMoment();
  Unlock();
  asm volatile("");
}

[[gnu::noinline]] void HoldShortly() {
  Lock();
  for (int i = 0; i < 1000; ++i) asm volatile("");
  Unlock();
  asm volatile("");
}

void ComeAgainAndAgain() {
  while (!g_is_over) {
    HoldShortly();
    SleepNs(1'000'000);
  }
}

}  // namespace

int main(int, char** arguments) {
  constexpr int kHolds = 40, kVictims = 8;
  g_kind = arguments[1];
  std::thread victims[kVictims];
  for (std::thread& victim : victims) victim = std::thread(ComeAgainAndAgain);
  for (int hold = 0; hold < kHolds; ++hold) {
    HoldLong();
    SleepNs(5'000'000);
  }
  g_is_over = true;
  for (std::thread& victim : victims) victim.join();
  Ready();
}
