// Takes locks for reading, in all ways, and leaves them. Says each time where those lie that it
// has, "has 0x... 0x...", then waits for the test.

#include <pthread.h>
#include <time.h>

#include <set>
#include <string>

#include "tests/preload/programs/stage.h"

namespace {

using Lock = pthread_rwlock_t;

constexpr int kWays = 4;
constexpr int kPlaces = 8;
Lock g_locks[kPlaces + 2];
std::multiset<Lock*> g_held;

timespec Soon() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += 30;
  return now;
}

int Take(int way, Lock* lock) {
  const timespec end = Soon();
  if (way == 0) return pthread_rwlock_rdlock(lock);
  if (way == 1) return pthread_rwlock_tryrdlock(lock);
  if (way == 2) return pthread_rwlock_timedrdlock(lock, &end);
  return pthread_rwlock_clockrdlock(lock, CLOCK_REALTIME, &end);
}

void TakeAndKnow(int way, Lock* lock) {
  Require(Take(way, lock) == 0, "it is free for reading");
  g_held.insert(lock);
}

void Leave(Lock* lock) {
  Require(pthread_rwlock_unlock(lock) == 0, "it was taken");
  g_held.erase(g_held.find(lock));
}

void Show() {
  std::string line = "has";
  for (Lock* lock : g_held) {
    char text[32];
    snprintf(text, sizeof(text), " %p", static_cast<void*>(lock));
    line += text;
  }
  Say("%s", line.c_str());
  WaitForTest();
}

void Write(Lock* lock) {
  Require(pthread_rwlock_wrlock(lock) == 0, "it is free for writing");
  Require(pthread_rwlock_tryrdlock(lock) != 0, "it is written");
  pthread_rwlock_unlock(lock);
}

void* TakeInThread(void* lock) {
  pthread_rwlock_rdlock(static_cast<Lock*>(lock));
  return nullptr;
}

}  // namespace

int main() {
  StartWatchdog();
  for (Lock& lock : g_locks) pthread_rwlock_init(&lock, nullptr);
  pthread_t thread;
  pthread_create(&thread, nullptr, TakeInThread, &g_locks[kPlaces + 1]);
  pthread_join(thread, nullptr);
  for (int way = 0; way < kWays; ++way) TakeAndKnow(way, &g_locks[way]);
  TakeAndKnow(0, &g_locks[0]);
  Write(&g_locks[kPlaces]);
  Show();
  Leave(&g_locks[0]);
  Leave(&g_locks[2]);
  Show();
  while (!g_held.empty()) Leave(*g_held.begin());
  Show();
  // More than are known; what is left of those is not another's.
  for (Lock& lock : g_locks) pthread_rwlock_rdlock(&lock);
  for (Lock& lock : g_locks) pthread_rwlock_unlock(&lock);
  Show();
}
