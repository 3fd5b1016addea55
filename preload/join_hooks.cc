// What waits for other threads to come: joins and barriers.

#include <pthread.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "preload/wait_timeout.h"

namespace limpet {
namespace {

NextFunction<int (*)(pthread_t, void**)> g_next_join("pthread_join");
NextFunction<int (*)(pthread_t, void**)> g_next_tryjoin("pthread_tryjoin_np");
NextFunction<int (*)(pthread_t, void**, const timespec*)> g_next_timedjoin("pthread_timedjoin_np");
NextFunction<int (*)(pthread_t, void**, clockid_t, const timespec*)> g_next_clockjoin(
    "pthread_clockjoin_np");
NextFunction<int (*)(thrd_t, int*)> g_next_thrd_join("thrd_join");
NextFunction<int (*)(pthread_barrier_t*)> g_next_barrier_wait("pthread_barrier_wait");

// The kernel's id of a thread that has not ended, which a clock's id holds (for the kernel: ~id <<
// 3 and the kind of clock). 0: none.
std::uint32_t ThreadIdOf(pthread_t thread) {
  clockid_t clock = 0;
  if (pthread_getcpuclockid(thread, &clock) != 0) return 0;
  return static_cast<std::uint32_t>(~(clock >> 3));
}

int FinishJoin(const session::JoinedThread& joined, int error) {
  if (error == 0) session::OnJoined(joined);
  return error;
}

template <class Join>
[[gnu::always_inline]] inline int ParkedJoin(pthread_t thread, std::uint64_t timeout_ns,
                                             const sys::CallerFrame& caller, Join join) {
  session::JoinedThread joined = session::OnJoinStart(thread);
  ParkedCall parked({.reason = WaitReason::kJoin,
                     .object = thread,
                     .timeout_ns = timeout_ns,
                     .owner_thread_id = ThreadIdOf(thread)},
                    caller);
  return FinishJoin(joined, join());
}

}  // namespace

void BindJoinHooks() {
  BindAll(g_next_join, g_next_tryjoin, g_next_timedjoin, g_next_clockjoin, g_next_thrd_join,
          g_next_barrier_wait);
}

extern "C" {

int HookJoin(pthread_t thread, void** result) LIMPET_EXPORT("pthread_join");
int HookTryjoin(pthread_t thread, void** result) LIMPET_EXPORT("pthread_tryjoin_np");
int HookTimedjoin(pthread_t thread, void** result, const timespec* end)
    LIMPET_EXPORT("pthread_timedjoin_np");
int HookClockjoin(pthread_t thread, void** result, clockid_t clock, const timespec* end)
    LIMPET_EXPORT("pthread_clockjoin_np");
int HookThrdJoin(thrd_t thread, int* result) LIMPET_EXPORT("thrd_join");
int HookBarrierWait(pthread_barrier_t* barrier) LIMPET_EXPORT("pthread_barrier_wait");

int HookJoin(pthread_t thread, void** result) {
  return ParkedJoin(thread, kNoTimeout, sys::CaptureCaller(),
                    [=] { return g_next_join.get()(thread, result); });
}

int HookTryjoin(pthread_t thread, void** result) {
  session::JoinedThread joined = session::OnJoinStart(thread);
  return FinishJoin(joined, g_next_tryjoin.get()(thread, result));
}

int HookTimedjoin(pthread_t thread, void** result, const timespec* end) {
  return ParkedJoin(thread, PassedTimeoutUntil(CLOCK_REALTIME, end), sys::CaptureCaller(),
                    [=] { return g_next_timedjoin.get()(thread, result, end); });
}

int HookClockjoin(pthread_t thread, void** result, clockid_t clock, const timespec* end) {
  return ParkedJoin(thread, PassedTimeoutUntil(clock, end), sys::CaptureCaller(),
                    [=] { return g_next_clockjoin.get()(thread, result, clock, end); });
}

int HookThrdJoin(thrd_t thread, int* result) {
  return ParkedJoin(thread, kNoTimeout, sys::CaptureCaller(),
                    [=] { return g_next_thrd_join.get()(thread, result); });
}

int HookBarrierWait(pthread_barrier_t* barrier) {
  ParkedCall parked({.reason = WaitReason::kBarrier, .object = AddressOf(barrier)},
                    sys::CaptureCaller());
  return g_next_barrier_wait.get()(barrier);
}

}  // extern "C"

}  // namespace limpet
