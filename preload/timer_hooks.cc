// timer_create: who made the thread that libc has for all timers that call a function. Programs
// that were linked before glibc 2.3.3, whose timer_t is an int, are not served.

#include <signal.h>
#include <time.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/session.h"
#include "runtime/sys/caller_frame.h"

namespace limpet {

static constinit NextFunction<int (*)(clockid_t, sigevent*, timer_t*)> g_next_timer_create(
    "timer_create");

void BindTimerHooks() { g_next_timer_create.Bind(); }

extern "C" {

int HookTimerCreate(clockid_t clock, sigevent* event, timer_t* timer) LIMPET_EXPORT("timer_create");

int HookTimerCreate(clockid_t clock, sigevent* event, timer_t* timer) {
  int result = g_next_timer_create.get()(clock, event, timer);
  bool has_thread = result == 0 && event != nullptr && event->sigev_notify == SIGEV_THREAD;
  if (has_thread) session::OnTimerThread(sys::CaptureCaller());
  return result;
}

}  // extern "C"

}  // namespace limpet
