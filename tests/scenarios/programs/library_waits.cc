// What C++'s own library waits for, a thread each.

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <thread>
#include <vector>

namespace {

std::counting_semaphore<8> g_slots(0);
std::latch g_latch(1);
std::barrier<> g_barrier(2);
std::atomic<int> g_word = 0;
std::promise<int> g_promise;
std::future<int> g_future = g_promise.get_future();
std::mutex g_mutex;
std::condition_variable g_condition;
std::condition_variable_any g_any_condition;
bool g_is_ready = false;

void AcquireSlot() {
  g_slots.acquire();  // waits: semaphore
}

void WaitAtLatch() {
  g_latch.wait();  // waits: latch
}

void WaitAtBarrier() {
  g_barrier.arrive_and_wait();  // waits: barrier
}

void WaitForWord() {
  g_word.wait(0);  // waits: word
}

void GetFuture() {
  g_future.get();  // waits: future
}

void WaitForCondition() {
  std::unique_lock<std::mutex> lock(g_mutex);
  g_condition.wait(lock, [] { return g_is_ready; });  // waits: condition
}

void WaitForAnyCondition() {
  std::unique_lock<std::mutex> lock(g_mutex);
  g_any_condition.wait(lock, [] { return g_is_ready; });  // waits: any_condition
}

}  // namespace

int main() {
  std::vector<std::thread> threads;
  for (void (*const wait)() : {AcquireSlot, WaitAtLatch, WaitAtBarrier, WaitForWord, GetFuture,
                               WaitForCondition, WaitForAnyCondition}) {
    threads.emplace_back(wait);  // creates
  }
  for (std::thread& thread : threads) thread.join();  // joins
}
