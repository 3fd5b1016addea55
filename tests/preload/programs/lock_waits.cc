// One thread in each of the calls that wait for other threads.

#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>

#include "tests/preload/programs/waiter.h"

namespace {

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_rwlock_t g_read_write = PTHREAD_RWLOCK_INITIALIZER;
pthread_mutex_t g_cond_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER;
pthread_barrier_t g_barrier;
sem_t g_semaphore;
int g_word = 7;
mtx_t g_mtx;
cnd_t g_cnd;
mtx_t g_cnd_mtx;
pthread_t g_sleeper;

timespec In(int seconds, clockid_t clock = CLOCK_REALTIME) {
  timespec time;
  clock_gettime(clock, &time);
  time.tv_sec += seconds;
  return time;
}

timespec g_in_minutes = In(100);
timespec g_minutes_later = In(100, CLOCK_MONOTONIC);

template <auto kWait>
void Locked() {
  pthread_mutex_lock(&g_cond_mutex);
  kWait();
}

SITE void Mutex() { WAIT_IN(&g_mutex, pthread_mutex_lock(&g_mutex)); }
SITE void Timedlock() { WAIT_IN(&g_mutex, pthread_mutex_timedlock(&g_mutex, &g_in_minutes)); }
SITE void Clocklock() {
  WAIT_IN(&g_mutex, pthread_mutex_clocklock(&g_mutex, CLOCK_MONOTONIC, &g_minutes_later));
}
SITE void Rdlock() { WAIT_IN(&g_read_write, pthread_rwlock_rdlock(&g_read_write)); }
SITE void Timedrdlock() {
  WAIT_IN(&g_read_write, pthread_rwlock_timedrdlock(&g_read_write, &g_in_minutes));
}
SITE void Wrlock() { WAIT_IN(&g_read_write, pthread_rwlock_wrlock(&g_read_write)); }
SITE void Timedwrlock() {
  WAIT_IN(&g_read_write, pthread_rwlock_timedwrlock(&g_read_write, &g_in_minutes));
}
SITE void CondWait() { WAIT_IN(&g_condition, pthread_cond_wait(&g_condition, &g_cond_mutex)); }
SITE void CondTimedwait() {
  WAIT_IN(&g_condition, pthread_cond_timedwait(&g_condition, &g_cond_mutex, &g_in_minutes));
}
SITE void CondClockwait() {
  const timespec* end = &g_minutes_later;
  WAIT_IN(&g_condition, pthread_cond_clockwait(&g_condition, &g_cond_mutex, CLOCK_MONOTONIC, end));
}
SITE void Barrier() { WAIT_IN(&g_barrier, pthread_barrier_wait(&g_barrier)); }
SITE void SemWait() { WAIT_IN(&g_semaphore, sem_wait(&g_semaphore)); }
SITE void SemTimedwait() { WAIT_IN(&g_semaphore, sem_timedwait(&g_semaphore, &g_in_minutes)); }
SITE void SemClockwait() {
  WAIT_IN(&g_semaphore, sem_clockwait(&g_semaphore, CLOCK_MONOTONIC, &g_minutes_later));
}
SITE void Futex() { WAIT_IN(&g_word, syscall(SYS_futex, &g_word, FUTEX_WAIT, 7, nullptr)); }
SITE void FutexBitset() {
  const timespec* end = &g_minutes_later;
  WAIT_IN(&g_word, syscall(SYS_futex, &g_word, FUTEX_WAIT_BITSET, 7, end, nullptr, 1));
}
SITE void MtxLock() { WAIT_IN(&g_mtx, mtx_lock(&g_mtx)); }
SITE void MtxTimedlock() { WAIT_IN(&g_mtx, mtx_timedlock(&g_mtx, &g_in_minutes)); }
SITE void CndWait() {
  mtx_lock(&g_cnd_mtx);
  WAIT_IN(&g_cnd, cnd_wait(&g_cnd, &g_cnd_mtx));
}
SITE void CndTimedwait() {
  mtx_lock(&g_cnd_mtx);
  WAIT_IN(&g_cnd, cnd_timedwait(&g_cnd, &g_cnd_mtx, &g_in_minutes));
}

// --- Sleeps ---

constexpr timespec kMinutes = {.tv_sec = 100, .tv_nsec = 0};

SITE void Nanosleep() { WAIT_IN(nullptr, nanosleep(&kMinutes, nullptr)); }
SITE void ClockNanosleep() {
  WAIT_IN(nullptr, clock_nanosleep(CLOCK_MONOTONIC, 0, &kMinutes, nullptr));
}
SITE void SleepUntil() {
  const timespec* end = &g_minutes_later;
  WAIT_IN(nullptr, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, end, nullptr));
}
SITE void Usleep() { WAIT_IN(nullptr, usleep(100'000'000)); }
SITE void Sleep() {
  g_sleeper = pthread_self();
  WAIT_IN(nullptr, sleep(100));
}
SITE void ThrdSleep() { WAIT_IN(nullptr, thrd_sleep(&kMinutes, nullptr)); }

// --- Joins ---

pthread_t SleeperOfOwn() {
  pthread_t thread;
  auto wait = [](void*) -> void* { return sleep(100), nullptr; };
  pthread_create(&thread, nullptr, wait, nullptr);
  return thread;
}

SITE void Join() {
  pthread_t thread = SleeperOfOwn();
  WAIT_IN(thread, pthread_join(thread, nullptr));
}
SITE void Timedjoin() {
  pthread_t thread = SleeperOfOwn();
  WAIT_IN(thread, pthread_timedjoin_np(thread, nullptr, &g_in_minutes));
}
SITE void Clockjoin() {
  pthread_t thread = SleeperOfOwn();
  WAIT_IN(thread, pthread_clockjoin_np(thread, nullptr, CLOCK_MONOTONIC, &g_minutes_later));
}
SITE void ThrdJoin() {
  thrd_t thread;
  thrd_create(
      &thread, [](void*) -> int { return static_cast<int>(sleep(100)); }, nullptr);
  WAIT_IN(thread, thrd_join(thread, nullptr));
}

constexpr Waiter kWaiters[] = {
    {"mutex", Mutex},
    {"timedlock", Timedlock},
    {"clocklock", Clocklock},
    {"rdlock", Rdlock},
    {"timedrdlock", Timedrdlock},
    {"wrlock", Wrlock},
    {"timedwrlock", Timedwrlock},
    {"cond_wait", Locked<CondWait>},
    {"cond_timedwait", Locked<CondTimedwait>},
    {"cond_clockwait", Locked<CondClockwait>},
    {"barrier", Barrier},
    {"sem_wait", SemWait},
    {"sem_timedwait", SemTimedwait},
    {"sem_clockwait", SemClockwait},
    {"futex", Futex},
    {"futex_bitset", FutexBitset},
    {"mtx_lock", MtxLock},
    {"mtx_timedlock", MtxTimedlock},
    {"cnd_wait", CndWait},
    {"cnd_timedwait", CndTimedwait},
    {"nanosleep", Nanosleep},
    {"clock_nanosleep", ClockNanosleep},
    {"sleep_until", SleepUntil},
    {"usleep", Usleep},
    {"sleep", Sleep},
    {"thrd_sleep", ThrdSleep},
    {"join", Join},
    {"timedjoin", Timedjoin},
    {"clockjoin", Clockjoin},
    {"thrd_join", ThrdJoin},
};

}  // namespace

int main() {
  StartWatchdog();
  pthread_barrier_init(&g_barrier, nullptr, 2);
  sem_init(&g_semaphore, 0, 0);
  mtx_init(&g_mtx, mtx_plain | mtx_timed);
  mtx_init(&g_cnd_mtx, mtx_plain);
  cnd_init(&g_cnd);
  pthread_mutex_lock(&g_mutex);
  pthread_rwlock_wrlock(&g_read_write);
  mtx_lock(&g_mtx);
  StartWaiters(kWaiters);
  Say("ready");
  WaitForTest();
  _exit(0);
}
