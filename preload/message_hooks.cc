// Message queues of POSIX and System V, System V's semaphores, and what waits for asynchronous
// input and output.

#include <sys/types.h>
#include <time.h>

#include "preload/parked_hook.h"
#include "preload/wait_timeout.h"

namespace limpet {

using Bytes = std::size_t;
using Time = const timespec*;

// POSIX's queues are descriptors, and their times are moments.
static Wait QueueWait(WaitReason reason, int descriptor, Time end = nullptr) {
  return {.reason = reason,
          .descriptor = descriptor,
          .timeout_ns = PassedTimeoutUntil(CLOCK_REALTIME, end)};
}

static Wait IdWait(WaitReason reason, int id, Time time = nullptr) {
  return {.reason = reason,
          .object = static_cast<std::uint64_t>(id),
          .timeout_ns = PassedTimeoutOf(time)};
}

static Wait RequestWait(const void* requests, Time time = nullptr) {
  return {.reason = WaitReason::kAsynchronous,
          .object = AddressOf(requests),
          .timeout_ns = PassedTimeoutOf(time)};
}

// clang-format off
#define LIMPET_MESSAGE_HOOKS(X) \
  X(ssize_t, MqReceive, "mq_receive", (int fd, char* to, Bytes n, unsigned* rank), (fd, to, n, rank), QueueWait(WaitReason::kMessageReceive, fd)) \
  X(ssize_t, MqTimedreceive, "mq_timedreceive", (int fd, char* to, Bytes n, unsigned* rank, Time end), (fd, to, n, rank, end), QueueWait(WaitReason::kMessageReceive, fd, end)) \
  X(int, MqSend, "mq_send", (int fd, const char* from, Bytes n, unsigned rank), (fd, from, n, rank), QueueWait(WaitReason::kMessageSend, fd)) \
  X(int, MqTimedsend, "mq_timedsend", (int fd, const char* from, Bytes n, unsigned rank, Time end), (fd, from, n, rank, end), QueueWait(WaitReason::kMessageSend, fd, end)) \
  X(ssize_t, Msgrcv, "msgrcv", (int id, void* to, Bytes n, long kind, int flags), (id, to, n, kind, flags), IdWait(WaitReason::kMessageReceive, id)) \
  X(int, Msgsnd, "msgsnd", (int id, const void* from, Bytes n, int flags), (id, from, n, flags), IdWait(WaitReason::kMessageSend, id)) \
  X(int, Semop, "semop", (int id, void* operations, Bytes n), (id, operations, n), IdWait(WaitReason::kSystemSemaphore, id)) \
  X(int, Semtimedop, "semtimedop", (int id, void* operations, Bytes n, Time time), (id, operations, n, time), IdWait(WaitReason::kSystemSemaphore, id, time)) \
  X(int, AioSuspend, "aio_suspend", (const void* requests, int n, Time time), (requests, n, time), RequestWait(requests, time)) \
  X(int, AioSuspend64, "aio_suspend64", (const void* requests, int n, Time time), (requests, n, time), RequestWait(requests, time)) \
  X(int, LioListio, "lio_listio", (int mode, void* requests, int n, void* event), (mode, requests, n, event), RequestWait(requests)) \
  X(int, LioListio64, "lio_listio64", (int mode, void* requests, int n, void* event), (mode, requests, n, event), RequestWait(requests))
// clang-format on

LIMPET_MESSAGE_HOOKS(LIMPET_PARKED_HOOK)

void BindMessageHooks() { LIMPET_MESSAGE_HOOKS(LIMPET_BIND_HOOK) }

}  // namespace limpet
