// What calls that may wait cost, while there is another thread: nanoseconds, the best of many
// batches, a line each.
//
//   waits [depth]     calls are made `depth` functions deep (10)

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

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
  Measure("mutex", 10'000, [] {
    pthread_mutex_lock(&g_mutex);
    pthread_mutex_unlock(&g_mutex);
  });
  Measure("semaphore", 10'000, [] {
    sem_post(&semaphore);
    sem_wait(&semaphore);
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
  MeasureTurns();
}

[[gnu::noinline]] void AtDepth(int depth) {
  if (depth <= 1)
    MeasureAll();
  else
    AtDepth(depth - 1);
  asm volatile("" ::: "memory");
}

}  // namespace

int main(int count, char** arguments) {
  pthread_t sleeper;
  pthread_create(&sleeper, nullptr, Sleeper, nullptr);
  AtDepth(count > 1 ? atoi(arguments[1]) : 10);
}
