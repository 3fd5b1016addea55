// Row 3: each thread waits for what only it knows, so that nobody can ever wake it.

#include <poll.h>
#include <semaphore.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace {

void WaitForOwnCondition() {
  std::mutex mutex;
  std::condition_variable ready;
  std::unique_lock<std::mutex> lock(mutex);
  ready.wait(lock);  // guilty: condition
}

void WaitForOwnSemaphore() {
  sem_t slots;
  sem_init(&slots, 0, 0);
  sem_wait(&slots);  // guilty: semaphore
}

void WaitForSignal() {
  pause();  // guilty: pause
}

void WaitForNoEvent() {
  poll(nullptr, 0, -1);  // guilty: poll
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  void (*const wait)() = kind == "condition"   ? WaitForOwnCondition
                         : kind == "semaphore" ? WaitForOwnSemaphore
                         : kind == "pause"     ? WaitForSignal
                                               : WaitForNoEvent;
  std::thread waiter(wait);  // creates
  waiter.join();             // joins
}
