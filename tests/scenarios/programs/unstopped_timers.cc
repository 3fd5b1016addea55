// Row 7: each request starts a timer, and no request stops it.

#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace {

constexpr int kRequests = 5;
constexpr itimerspec kHourly = {{3600, 0}, {3600, 0}};

void Expire() {
  std::this_thread::sleep_for(std::chrono::hours(1));  // guilty: sleep
}

void Tick() {
  const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
  timerfd_settime(timer, 0, &kHourly, nullptr);
  unsigned long ticks = 0;
  while (read(timer, &ticks, sizeof(ticks)) > 0) {  // guilty: timerfd
  }
}

void HandleRequest(void (*timeout)()) {
  std::thread(timeout).detach();  // creates: request
}

void HandleSession() {
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval) {};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);  // creates: session
  timer_settime(timer, 0, &kHourly, nullptr);
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  for (int i = 0; i < kRequests; ++i) {
    if (kind == "timer") {
      HandleSession();
    } else {
      HandleRequest(kind == "sleep" ? Expire : Tick);
    }
  }
  pause();  // pauses
}
