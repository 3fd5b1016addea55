// Row 12: a lock for readers and writers that one of them never leaves.

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kReaders = 3;

std::shared_mutex g_table;
std::atomic<bool> g_is_held = false;
BoundedQueue<int> g_rows(10);

// Reads the rows to come under the lock under which they would be written.
void ReadForEver() {
  const std::shared_lock<std::shared_mutex> lock(g_table);
  g_is_held = true;
  g_rows.Pop();  // guilty: reader
}

void WriteForEver() {
  const std::unique_lock<std::shared_mutex> lock(g_table);
  g_is_held = true;
  g_rows.Pop();  // guilty: endless_writer
}

void Write() {
  const std::unique_lock<std::shared_mutex> lock(g_table);  // guilty: writer
  g_rows.Push(1);
}

void Read() {
  const std::shared_lock<std::shared_mutex> lock(g_table);  // guilty: readers
}

void Upgrade() {
  const std::shared_lock<std::shared_mutex> reading(g_table);
  const std::unique_lock<std::shared_mutex> writing(g_table);  // guilty: upgrade
}

// One that holds it and does not let go.
std::thread StartHolder(void (*hold)()) {
  std::thread holder(hold);  // creates: holder
  while (!g_is_held) std::this_thread::yield();
  return holder;
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  std::vector<std::thread> threads;
  if (kind == "writer") threads.push_back(StartHolder(ReadForEver));
  if (kind == "readers") threads.push_back(StartHolder(WriteForEver));
  const int count = kind == "readers" ? kReaders : 1;
  void (*const use)() = kind == "writer" ? Write : kind == "readers" ? Read : Upgrade;
  for (int i = 0; i < count; ++i) threads.emplace_back(use);  // creates: user
  for (std::thread& thread : threads) thread.join();          // joins
}
