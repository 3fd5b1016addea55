// Row 5: the other side of a queue throws, or returns, and does not say so.

#include <stdexcept>
#include <string>
#include <thread>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

BoundedQueue<int> g_rows(10);

void ParseRow(int row) {
  if (row == 3) throw std::runtime_error("row 3 has no price");
  g_rows.Push(row);
}

void ReadAllRows() {
  try {
    for (int row = 0; row < 100; ++row) ParseRow(row);
  } catch (const std::exception&) {
    // As if it had been logged.
  }
}

void SumRows() {
  for (int row = 0; row < 100; ++row) g_rows.Pop();  // guilty: producer_threw
}

void WriteAllRows() {
  for (int row = 0; row < 100; ++row) g_rows.Push(row);  // guilty: consumer_returned
}

void FindFirst() {
  while (g_rows.Pop() != 5) {
  }
}

}  // namespace

int main(int, char** arguments) {
  const bool has_thrown = arguments[1] == std::string("producer_threw");
  std::thread producer(has_thrown ? ReadAllRows : WriteAllRows);  // creates: producer
  std::thread consumer(has_thrown ? SumRows : FindFirst);         // creates: consumer
  producer.join();                                                // joins: producer
  consumer.join();                                                // joins: consumer
}
