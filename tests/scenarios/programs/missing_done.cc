// Row 10: somebody waits for all to be done, and one of them never is.

#include <pthread.h>

#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kWorkers = 4;

BoundedQueue<int> g_jobs(10);

void WorkForEver() {
  for (;;) g_jobs.Pop();  // guilty: endless
}

void RunJoined() {
  std::thread worker(WorkForEver);  // creates: join
  worker.join();                    // guilty: join
}

std::latch g_done(kWorkers);

void WorkOnce(int number) {
  if (number == 2) return;  // nothing to do, and nothing said
  g_done.count_down();
}

void RunCounted() {
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) workers.emplace_back(WorkOnce, i);
  g_done.wait();  // guilty: latch
}

pthread_barrier_t g_phase;

void WorkInPhases() {
  pthread_barrier_wait(&g_phase);  // guilty: barrier
}

void RunPhases() {
  pthread_barrier_init(&g_phase, nullptr, kWorkers + 1);
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) workers.emplace_back(WorkInPhases);  // creates: barrier
  for (std::thread& worker : workers) worker.join();                      // joins: barrier
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  if (kind == "join") RunJoined();
  if (kind == "latch") RunCounted();
  if (kind == "barrier") RunPhases();
}
