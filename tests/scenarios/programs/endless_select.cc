// Row 6: an event loop without a timeout, on descriptors where nothing will happen.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

#include <string>
#include <thread>

namespace {

int g_wakeup = -1;
int g_commands[2];

void LoopWithPoll() {
  pollfd fds[] = {{g_wakeup, POLLIN, 0}, {g_commands[0], POLLIN, 0}};
  poll(fds, 2, -1);  // guilty: poll
}

void LoopWithEpoll() {
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN;
  epoll_ctl(epoll, EPOLL_CTL_ADD, g_wakeup, &event);
  epoll_ctl(epoll, EPOLL_CTL_ADD, g_commands[0], &event);
  epoll_wait(epoll, &event, 1, -1);  // guilty: epoll
}

void LoopWithSelect() {
  fd_set readable;
  FD_ZERO(&readable);
  FD_SET(g_commands[0], &readable);
  select(g_commands[0] + 1, &readable, nullptr, nullptr, nullptr);  // guilty: select
}

}  // namespace

int main(int, char** arguments) {
  const std::string kind = arguments[1];
  g_wakeup = eventfd(0, 0);
  if (pipe(g_commands) != 0) return 1;
  std::thread loop(kind == "poll"    ? LoopWithPoll
                   : kind == "epoll" ? LoopWithEpoll
                                     : LoopWithSelect);  // creates
  loop.join();                                           // joins
}
