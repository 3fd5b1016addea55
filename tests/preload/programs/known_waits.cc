// Waits of which the program itself says how long they were: "mutex NANOSECONDS COUNT UNSURE". One
// more goes on while it is looked at. UNSURE, of the nanoseconds, is of waits in which the
// processor was taken away from the thread, perhaps before the wait or behind it.
//
//   known_waits TURNS      as many turns of two threads on a condition, of 0.1 milliseconds

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/preload/programs/ready.h"

namespace {

constexpr int kHolds = 40;
constexpr int kSleeps = 6;

pthread_mutex_t g_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t g_turn_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_turn_has_come = PTHREAD_COND_INITIALIZER;
int g_turn = 0;

std::uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void SleepNs(long ns) {
  const timespec span = {0, ns};
  nanosleep(&span, nullptr);
}

// How often the processor was taken away from this thread.
long Preemptions() {
  rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// What took how long. Its stacks are known by its name.
class Stopwatch {
 public:
  template <class Call>
  [[gnu::noinline]] void Time(Call call) {
    const long preemptions = Preemptions();
    const std::uint64_t began = NowNs();
    call();
    const std::uint64_t took_ns = NowNs() - began;
    sum_ns_ += took_ns;
    if (Preemptions() != preemptions) unsure_ns_ += took_ns;
    ++count_;
  }
  void Tell(const char* name) const {
    printf("%s %llu %llu %llu\n", name, static_cast<unsigned long long>(sum_ns_),
           static_cast<unsigned long long>(count_), static_cast<unsigned long long>(unsure_ns_));
    fflush(stdout);
  }

 private:
  std::uint64_t sum_ns_ = 0;
  std::uint64_t unsure_ns_ = 0;
  std::uint64_t count_ = 0;
};

// Another thread holds the lock for 10 ms each time that this one comes for it.
void WaitForMutex() {
  std::atomic<int> held = 0, taken = 0;
  std::thread holder([&] {
    for (int hold = 1; hold <= kHolds; ++hold) {
      pthread_mutex_lock(&g_lock);
      held = hold;
      SleepNs(10'000'000);
      pthread_mutex_unlock(&g_lock);
      while (taken != hold) SleepNs(100'000);
    }
  });
  Stopwatch waits;
  for (int hold = 1; hold <= kHolds; ++hold) {
    while (held != hold) {
    }
    waits.Time([] { pthread_mutex_lock(&g_lock); });
    pthread_mutex_unlock(&g_lock);
    taken = hold;
  }
  holder.join();
  waits.Tell("mutex");
}

void Spin(std::uint64_t ns) {
  for (const std::uint64_t end = NowNs() + ns; NowNs() < end;) {
  }
}

// Works for a while at each of its turns, and gives the turn to the other.
void TakeTurns(int self, int turns, Stopwatch* waits) {
  pthread_mutex_lock(&g_turn_lock);
  for (int turn = 0; turn < turns; ++turn) {
    while (g_turn != self) waits->Time([] { pthread_cond_wait(&g_turn_has_come, &g_turn_lock); });
    Spin(100'000);
    g_turn = 1 - self;
    pthread_cond_signal(&g_turn_has_come);
  }
  pthread_mutex_unlock(&g_turn_lock);
}

void WaitForTurns(int turns) {
  Stopwatch waits, others;
  std::thread other(TakeTurns, 1, turns, &others);
  TakeTurns(0, turns, &waits);
  other.join();
  waits.Tell("condition");
  others.Tell("condition");
}

void WaitForTime() {
  Stopwatch sleeps;
  for (int i = 0; i < kSleeps; ++i) sleeps.Time([] { SleepNs(97'000'000); });
  sleeps.Tell("sleep");
}

[[gnu::noinline]] void WaitForEver() {
  pthread_mutex_lock(&g_lock);
  asm volatile("");
}

}  // namespace

int main(int, char** arguments) {
  WaitForMutex();
  WaitForTurns(atoi(arguments[1]));
  WaitForTime();
  pthread_mutex_lock(&g_lock);
  std::thread waiter(WaitForEver);
  SleepNs(500'000'000);
  puts("end");
  fflush(stdout);
  Ready();
  pthread_mutex_unlock(&g_lock);
  waiter.join();
}
