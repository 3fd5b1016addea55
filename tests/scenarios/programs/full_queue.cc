// Row 1: four producers send what nobody takes any more.

#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kProducers = 4;

BoundedQueue<int> g_orders(10);

// Takes what there is for a while, and returns at the first order that it does not like.
void Consume() {
  while (g_orders.Pop() != 3) {
  }
}

void SendOrders() {
  for (int order = 0;; ++order) g_orders.Push(order);  // guilty: queue
}

int g_pipe[2];

void SendLines() {
  const std::string line(1000, 'x');
  for (;;) {
    if (write(g_pipe[1], line.data(), line.size()) < 0) return;  // guilty: pipe
  }
}

mqd_t g_messages;

void SendMessages() {
  for (;;) mq_send(g_messages, "order", 5, 0);  // guilty: message_queue
}

void StartProducers(void (*produce)(), std::vector<std::thread>& producers) {
  for (int i = 0; i < kProducers; ++i) producers.emplace_back(produce);  // creates
}

void OpenMessages() {
  const std::string name = "/limpet-scenario-" + std::to_string(getpid());
  mq_attr attributes = {};
  attributes.mq_maxmsg = 4;
  attributes.mq_msgsize = 16;
  g_messages = mq_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
  mq_unlink(name.c_str());
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  std::vector<std::thread> threads;
  if (kind == "queue") {
    threads.emplace_back(Consume);
    StartProducers(SendOrders, threads);
  } else if (kind == "pipe" && pipe(g_pipe) == 0) {
    StartProducers(SendLines, threads);
  } else {
    OpenMessages();
    StartProducers(SendMessages, threads);
  }
  for (std::thread& thread : threads) thread.join();  // joins
}
