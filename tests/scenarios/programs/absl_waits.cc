// What abseil waits for, a thread each.

#include <thread>
#include <vector>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace {

absl::Mutex g_held;
absl::Mutex g_mutex;
absl::CondVar g_condition;
absl::Notification g_notification;
absl::BlockingCounter g_counter(1);
bool g_is_ready = false;

void Lock() {
  const absl::MutexLock lock(&g_held);  // waits: mutex
}

void LockToRead() {
  const absl::ReaderMutexLock lock(&g_held);  // waits: reader
}

void WaitForCondition() {
  const absl::MutexLock lock(&g_mutex);
  while (!g_is_ready) g_condition.Wait(&g_mutex);  // waits: condition
}

void AwaitCondition() {
  const absl::MutexLock lock(&g_mutex);
  g_mutex.Await(absl::Condition(&g_is_ready));  // waits: await
}

void WaitForNotification() {
  g_notification.WaitForNotification();  // waits: notification
}

void WaitForCounter() {
  g_counter.Wait();  // waits: counter
}

}  // namespace

int main() {
  g_held.Lock();
  std::vector<std::thread> threads;
  for (void (*const wait)() :
       {Lock, LockToRead, WaitForCondition, AwaitCondition, WaitForNotification, WaitForCounter}) {
    threads.emplace_back(wait);  // creates
  }
  for (std::thread& thread : threads) thread.join();  // joins
}
