// What waits for one of several descriptors. Without any and with a time it is a sleep, which a
// reader tells by the object.

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "preload/kernel_function.h"
#include "preload/parked_hook.h"
#include "preload/wait_timeout.h"

namespace limpet {

using Count = unsigned long;
using Bytes = std::size_t;
using Mask = const sigset_t*;
using Time = const timespec*;

static Wait PollOf(const pollfd* descriptors, Count count, std::uint64_t timeout_ns) {
  return {.reason = WaitReason::kPoll,
          .object = count != 0 ? AddressOf(descriptors) : 0,
          .timeout_ns = timeout_ns};
}

static Wait SelectOf(const fd_set* in, const fd_set* out, const fd_set* odd,
                     std::uint64_t timeout_ns) {
  const fd_set* sets = in != nullptr ? in : out != nullptr ? out : odd;
  return {.reason = WaitReason::kPoll, .object = AddressOf(sets), .timeout_ns = timeout_ns};
}

static Wait EpollOf(int descriptor, const epoll_event* events, std::uint64_t timeout_ns) {
  return {.reason = WaitReason::kPoll,
          .descriptor = descriptor,
          .object = AddressOf(events),
          .timeout_ns = timeout_ns};
}

// clang-format off
#define LIMPET_PLAIN_POLL_HOOKS(X) \
  X(int, Poll, "poll", (pollfd* of, Count n, int time), (of, n, time), PollOf(of, n, TimeoutOf(time)), (SYS_poll, of, n, time)) \
  X(int, PollAlias, "__poll", (pollfd* of, Count n, int time), (of, n, time), PollOf(of, n, TimeoutOf(time)), (SYS_poll, of, n, time)) \
  X(int, EpollWait, "epoll_wait", (int fd, epoll_event* to, int n, int time), (fd, to, n, time), EpollOf(fd, to, TimeoutOf(time)), (SYS_epoll_wait, fd, to, n, time))

#define LIMPET_POLL_HOOKS(X) \
  X(int, PollChecked, "__poll_chk", (pollfd* of, Count n, int time, Bytes room), (of, n, time, room), PollOf(of, n, TimeoutOf(time))) \
  X(int, Ppoll, "ppoll", (pollfd* of, Count n, Time time, Mask mask), (of, n, time, mask), PollOf(of, n, TimeoutOf(time))) \
  X(int, PpollChecked, "__ppoll_chk", (pollfd* of, Count n, Time time, Mask mask, Bytes room), (of, n, time, mask, room), PollOf(of, n, TimeoutOf(time))) \
  X(int, Select, "select", (int n, fd_set* in, fd_set* out, fd_set* odd, timeval* time), (n, in, out, odd, time), SelectOf(in, out, odd, PassedTimeoutOf(time))) \
  X(int, SelectAlias, "__select", (int n, fd_set* in, fd_set* out, fd_set* odd, timeval* time), (n, in, out, odd, time), SelectOf(in, out, odd, PassedTimeoutOf(time))) \
  X(int, Pselect, "pselect", (int n, fd_set* in, fd_set* out, fd_set* odd, Time time, Mask mask), (n, in, out, odd, time, mask), SelectOf(in, out, odd, TimeoutOf(time))) \
  X(int, EpollPwait, "epoll_pwait", (int fd, epoll_event* to, int n, int time, Mask mask), (fd, to, n, time, mask), EpollOf(fd, to, TimeoutOf(time))) \
  X(int, EpollPwait2, "epoll_pwait2", (int fd, epoll_event* to, int n, Time time, Mask mask), (fd, to, n, time, mask), EpollOf(fd, to, PassedTimeoutOf(time)))
// clang-format on

LIMPET_PLAIN_POLL_HOOKS(LIMPET_KERNEL_HOOK)
LIMPET_POLL_HOOKS(LIMPET_PARKED_HOOK)

void BindPollHooks() {
  LIMPET_PLAIN_POLL_HOOKS(LIMPET_BIND_HOOK)
  LIMPET_POLL_HOOKS(LIMPET_BIND_HOOK)
}

}  // namespace limpet
