// Row 14: a thread for each request, which waits for an answer that does not come.

#include <unistd.h>

#include <thread>

#include "tests/scenarios/programs/bounded_queue.h"

namespace {

constexpr int kRequests = 40;

BoundedQueue<int> g_answers(100);

void AwaitAnswer() {
  g_answers.Pop();  // guilty: request
}

void HandleRequest() {
  std::thread(AwaitAnswer).detach();  // creates
}

}  // namespace

int main() {
  for (int i = 0; i < kRequests; ++i) HandleRequest();
  pause();  // pauses
}
