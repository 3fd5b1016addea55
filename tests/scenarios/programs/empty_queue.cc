// Row 2: three threads wait for what nobody will send.

#include <unistd.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kConsumers = 3;

BoundedQueue<int> g_jobs(10);

void TakeJobs() {
  for (;;) g_jobs.Pop();  // guilty: queue
}

std::promise<int> g_price;
std::shared_future<int> g_price_when_known = g_price.get_future().share();

void ShowPrice() {
  g_price_when_known.get();  // guilty: future
}

int g_pipe[2];

void ReadLines() {
  char line[100];
  while (read(g_pipe[0], line, sizeof(line)) > 0) {  // guilty: pipe
  }
}

void StartConsumers(void (*consume)(), std::vector<std::thread>& consumers) {
  for (int i = 0; i < kConsumers; ++i) consumers.emplace_back(consume);  // creates
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  if (pipe(g_pipe) != 0) return 1;
  std::vector<std::thread> threads;
  StartConsumers(kind == "queue" ? TakeJobs : kind == "future" ? ShowPrice : ReadLines, threads);
  for (std::thread& thread : threads) thread.join();  // joins
}
