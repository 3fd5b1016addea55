// What calls that may wait cost, while there is another thread (but for mutex_alone): nanoseconds,
// a line each. Of calls that do not wait it is the best of many batches; of those that contend, the
// median of some runs, because how threads meet differs from run to run.
//
//   waits [depth]     calls are made `depth` functions deep (10)
//   waits crowd N     N threads wait; says `ready`, and ends with its standard input

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace {

constexpr int kBatches = 300;

double Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

template <class Call>
void Measure(const char* name, int calls, Call call) {
  double best = 1e18;
  for (int batch = 0; batch < kBatches; ++batch) {
    const double start = Now();
    for (int i = 0; i < calls; ++i) call();
    const double each = (Now() - start) / calls;
    if (each < best) best = each;
  }
  printf("%s %.2f\n", name, best);
}

pthread_mutex_t g_mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t g_condition = PTHREAD_COND_INITIALIZER;
int g_turn = 0;
bool g_is_over = false;

void LockAndUnlock() {
  pthread_mutex_lock(&g_mutex);
  pthread_mutex_unlock(&g_mutex);
}

void TakeTurn(int own) {
  pthread_mutex_lock(&g_mutex);
  while (g_turn != own && !g_is_over) pthread_cond_wait(&g_condition, &g_mutex);
  g_turn = 1 - own;
  pthread_cond_signal(&g_condition);
  pthread_mutex_unlock(&g_mutex);
}

void* Partner(void*) {
  while (!g_is_over) TakeTurn(1);
  return nullptr;
}

// What threads do with a lock that all of them want, and how often each.
constexpr int kContenders = 4;
constexpr int kContendedTurns = 200'000;
constexpr int kContendedRuns = 15;
std::uint64_t g_contended_work = 0;

void* Contend(void*) {
  for (int i = 0; i < kContendedTurns; ++i) {
    pthread_mutex_lock(&g_mutex);
    for (int work = 0; work < 20; ++work) g_contended_work = g_contended_work * 7 + 1;
    pthread_mutex_unlock(&g_mutex);
  }
  return nullptr;
}

// A queue of 64, of two that put into it and two that take from it.
class Queue {
 public:
  void Put(int value) {
    pthread_mutex_lock(&mutex_);
    while (end_ - begin_ == kRoom) pthread_cond_wait(&has_room_, &mutex_);
    values_[end_++ % kRoom] = value;
    pthread_cond_signal(&has_values_);
    pthread_mutex_unlock(&mutex_);
  }
  int Take() {
    pthread_mutex_lock(&mutex_);
    while (end_ == begin_) pthread_cond_wait(&has_values_, &mutex_);
    const int value = values_[begin_++ % kRoom];
    pthread_cond_signal(&has_room_);
    pthread_mutex_unlock(&mutex_);
    return value;
  }

 private:
  static constexpr unsigned kRoom = 64;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t has_values_ = PTHREAD_COND_INITIALIZER;
  pthread_cond_t has_room_ = PTHREAD_COND_INITIALIZER;
  int values_[kRoom] = {};
  unsigned begin_ = 0, end_ = 0;
};
Queue g_queue;

void* PutAll(void*) {
  for (int i = 0; i < kContendedTurns; ++i) g_queue.Put(i);
  return nullptr;
}

void* TakeAll(void*) {
  for (int i = 0; i < kContendedTurns; ++i) g_queue.Take();
  return nullptr;
}

using ThreadMain = void* (*)(void*);

double TimeThreads(const ThreadMain (&mains)[kContenders]) {
  const double start = Now();
  pthread_t threads[kContenders];
  for (int i = 0; i < kContenders; ++i) pthread_create(&threads[i], nullptr, mains[i], nullptr);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  return Now() - start;
}

// Nanoseconds for each of `turns` that all of them do together.
void MeasureThreads(const char* name, int turns, const ThreadMain (&mains)[kContenders]) {
  double runs[kContendedRuns];
  for (double& run : runs) run = TimeThreads(mains);
  std::sort(std::begin(runs), std::end(runs));
  printf("%s %.2f\n", name, runs[kContendedRuns / 2] / turns);
}

void* Sleeper(void*) {
  for (;;) sleep(1000);
}

void MeasureTurns() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  sched_setaffinity(0, sizeof(one), &one);
  pthread_t thread;
  pthread_create(&thread, nullptr, Partner, nullptr);
  Measure("condition_turn", 200, [] { TakeTurn(0); });
  pthread_mutex_lock(&g_mutex);
  g_is_over = true;
  pthread_cond_signal(&g_condition);
  pthread_mutex_unlock(&g_mutex);
  pthread_join(thread, nullptr);
}

void MeasureAll() {
  static sem_t semaphore;
  sem_init(&semaphore, 0, 0);
  Measure("mutex", 10'000, LockAndUnlock);
  Measure("semaphore", 10'000, [] {
    sem_post(&semaphore);
    sem_wait(&semaphore);
  });
  Measure("signal", 10'000, [] { pthread_cond_signal(&g_condition); });
  static pthread_rwlock_t read_write = PTHREAD_RWLOCK_INITIALIZER;
  Measure("read_lock", 10'000, [] {
    pthread_rwlock_rdlock(&read_write);
    pthread_rwlock_unlock(&read_write);
  });
  static int ends[2];
  static char byte = 0;
  if (pipe(ends) != 0 || write(ends[1], &byte, 1) != 1) abort();
  static pollfd ready = {.fd = ends[0], .events = POLLIN, .revents = 0};
  Measure("poll", 1000, [] { poll(&ready, 1, -1); });
  Measure("read", 1000, [] {
    if (read(ends[0], &byte, 0) != 0) abort();
  });
  Measure("write_read", 1000, [] {
    if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) abort();
  });
  static FILE* stream = tmpfile();
  for (int i = 0; i < 4000; ++i) putc(i, stream);
  Measure("getc", 1, [] {
    rewind(stream);
    for (int i = 0; i < 4000; ++i) getc(stream);
  });
  static FILE* nowhere = fopen("/dev/null", "w");
  Measure("fputs", 1000, [] { fputs("a line of some length\n", nowhere); });
  Measure("fprintf", 1000, [] { fprintf(nowhere, "a line of %s %d\n", "some length", 7); });
  static int number;
  rewind(stream);
  for (int i = 0; i < 4000; ++i) fputs("42 ", stream);
  Measure("fscanf", 1, [] {
    rewind(stream);
    for (int i = 0; i < 1000; ++i)
      if (fscanf(stream, "%d", &number) != 1) abort();
  });
  MeasureThreads("contended_mutex", kContenders * kContendedTurns,
                 {Contend, Contend, Contend, Contend});
  MeasureThreads("queue", 2 * kContendedTurns, {PutAll, PutAll, TakeAll, TakeAll});
  MeasureTurns();
}

[[gnu::noinline]] void AtDepth(int depth) {
  if (depth <= 1)
    MeasureAll();
  else
    AtDepth(depth - 1);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void* WaitDeep(void* semaphore, int depth) {
  if (depth == 0)
    while (sem_wait(static_cast<sem_t*>(semaphore)) != 0) {
    }
  else
    WaitDeep(semaphore, depth - 1);
  asm volatile("" ::: "memory");
  return nullptr;
}

void* WaitInCrowd(void* semaphore) { return WaitDeep(semaphore, 10); }

int Crowd(int threads) {
  static sem_t never;
  sem_init(&never, 0, 0);
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  pthread_t thread;
  for (int i = 0; i < threads; ++i)
    if (pthread_create(&thread, &small, WaitInCrowd, &never) != 0) return 1;
  puts("ready");
  fflush(stdout);
  char byte;
  return read(0, &byte, 1) == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 3) return Crowd(atoi(arguments[2]));
  Measure("mutex_alone", 10'000, LockAndUnlock);
  pthread_t sleeper;
  pthread_create(&sleeper, nullptr, Sleeper, nullptr);
  AtDepth(count > 1 ? atoi(arguments[1]) : 10);
}
