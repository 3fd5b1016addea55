// Row 13: a loop that never ends, and never waits.

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

namespace {

std::atomic<bool> g_is_done = false;
std::mutex g_mutex;

void SpinOnFlag() {
  while (!g_is_done) {  // guilty: flag
  }
}

void SpinOnLock() {
  while (!g_mutex.try_lock()) {  // guilty: try_lock
  }
}

}  // namespace

int main(int, char** arguments) {
  const bool is_flag = arguments[1] == std::string("flag");
  g_mutex.lock();
  std::thread spinner(is_flag ? SpinOnFlag : SpinOnLock);  // creates
  spinner.join();                                          // joins
}
