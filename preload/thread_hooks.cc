// Thread creation: a new thread starts in our function, which tells the tracer its stack and its
// end. And what is done to a thread that others should know of: its name, that nobody will join it.

#include <pthread.h>
#include <threads.h>

#include "preload/export.h"
#include "preload/kernel_function.h"
#include "preload/main_thread_end.h"
#include "preload/next_symbol.h"
#include "runtime/dump/watch_start.h"
#include "runtime/session.h"

namespace limpet {
namespace {

using AnyFunction = void (*)();  // what may be cast to and fro
using PthreadCreate = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
NextFunction<PthreadCreate> g_next_pthread_create("pthread_create");
NextFunction<int (*)(thrd_t*, thrd_start_t, void*)> g_next_thrd_create("thrd_create");
NextFunction<void (*)(void*)> g_next_pthread_exit("pthread_exit");
NextFunction<void (*)(int)> g_next_thrd_exit("thrd_exit");
NextFunction<int (*)(pthread_t)> g_next_pthread_detach("pthread_detach");
NextFunction<int (*)(thrd_t)> g_next_thrd_detach("thrd_detach");
NextFunction<int (*)(pthread_t)> g_next_cancel("pthread_cancel");
NextFunction<int (*)(pthread_t, const char*)> g_next_setname("pthread_setname_np");

void LeaveThread(void*) { session::OnThreadExit(); }

// The clean-up handler runs on return, pthread_exit and cancellation alike; without exceptions it
// is plain libc, so that a C program is not made to load an unwinder.
void* RunThread(void* argument) {
  auto* record = static_cast<ThreadRecord*>(argument);
  void* (*routine)(void*) = record->routine;
  void* routine_argument = record->argument;
  void* result = nullptr;
  session::OnThreadStart(record);
  pthread_cleanup_push(LeaveThread, nullptr);
  result = routine(routine_argument);
  pthread_cleanup_pop(1);
  return result;
}

// A thread of C11's kind, whose routine returns an int.
int RunC11Thread(void* argument) {
  auto* record = static_cast<ThreadRecord*>(argument);
  auto routine = reinterpret_cast<thrd_start_t>(reinterpret_cast<AnyFunction>(record->routine));
  void* routine_argument = record->argument;
  int result = 0;
  session::OnThreadStart(record);
  pthread_cleanup_push(LeaveThread, nullptr);
  result = routine(routine_argument);
  pthread_cleanup_pop(1);
  return result;
}

bool IsDetached(const pthread_attr_t* attributes) {
  int state = PTHREAD_CREATE_JOINABLE;
  if (attributes != nullptr) pthread_attr_getdetachstate(attributes, &state);
  return state == PTHREAD_CREATE_DETACHED;
}

std::size_t StackBytes(const pthread_attr_t* attributes) {
  std::size_t bytes = 0;
  if (attributes != nullptr) pthread_attr_getstacksize(attributes, &bytes);
  pthread_attr_t defaults;
  if (bytes == 0 && pthread_getattr_default_np(&defaults) == 0) {
    pthread_attr_getstacksize(&defaults, &bytes);
    pthread_attr_destroy(&defaults);
  }
  return bytes;
}

// `create` makes the thread of a record; 0 is success with both kinds.
template <class Create>
int CreateThread(ThreadRecord* record, const pthread_attr_t* attributes, Create create) {
  record->stack_bytes = StackBytes(attributes);
  record->starts_detached = IsDetached(attributes);
  EnsureWatcher();
  int result = create();
  if (result != 0) session::OnThreadCreateFailed(record);
  return result;
}

}  // namespace

constinit bool g_is_cancellation_used = false;

void BindThreadHooks() {
  BindAll(g_next_pthread_create, g_next_thrd_create, g_next_pthread_exit, g_next_thrd_exit,
          g_next_pthread_detach, g_next_thrd_detach, g_next_cancel, g_next_setname);
}

extern "C" {

int HookPthreadCreate(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                      void* argument) LIMPET_EXPORT("pthread_create");
int HookThrdCreate(thrd_t* thread, thrd_start_t routine, void* argument)
    LIMPET_EXPORT("thrd_create");
[[noreturn]] void HookPthreadExit(void* result) LIMPET_EXPORT("pthread_exit");
[[noreturn]] void HookThrdExit(int result) LIMPET_EXPORT("thrd_exit");
int HookPthreadDetach(pthread_t thread) LIMPET_EXPORT("pthread_detach");
int HookCancel(pthread_t thread) LIMPET_EXPORT("pthread_cancel");
int HookThrdDetach(thrd_t thread) LIMPET_EXPORT("thrd_detach");
int HookSetname(pthread_t thread, const char* name) LIMPET_EXPORT("pthread_setname_np");

int HookPthreadCreate(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                      void* argument) {
  PthreadCreate create = g_next_pthread_create.get();
  ThreadRecord* record = session::OnThreadCreate(sys::CaptureCaller());
  if (record == nullptr) return create(thread, attributes, routine, argument);
  record->routine = routine;
  record->argument = argument;
  return CreateThread(record, attributes,
                      [=] { return create(thread, attributes, RunThread, record); });
}

// libc's does not come by the hook above.
int HookThrdCreate(thrd_t* thread, thrd_start_t routine, void* argument) {
  auto create = g_next_thrd_create.get();
  ThreadRecord* record = session::OnThreadCreate(sys::CaptureCaller());
  if (record == nullptr) return create(thread, routine, argument);
  record->routine = reinterpret_cast<void* (*)(void*)>(reinterpret_cast<AnyFunction>(routine));
  record->argument = argument;
  return CreateThread(record, nullptr, [=] { return create(thread, RunC11Thread, record); });
}

// All other threads end in the function that they started in.
void HookPthreadExit(void* result) {
  ExpectEndOfMainThread();
  g_next_pthread_exit.get()(result);
  __builtin_unreachable();
}

void HookThrdExit(int result) {
  ExpectEndOfMainThread();
  g_next_thrd_exit.get()(result);
  __builtin_unreachable();
}

int HookPthreadDetach(pthread_t thread) {
  session::OnDetach(thread);
  return g_next_pthread_detach.get()(thread);
}

int HookCancel(pthread_t thread) {
  __atomic_store_n(&g_is_cancellation_used, true, __ATOMIC_RELAXED);
  return g_next_cancel.get()(thread);
}

int HookThrdDetach(thrd_t thread) {
  session::OnDetach(thread);
  return g_next_thrd_detach.get()(thread);
}

int HookSetname(pthread_t thread, const char* name) {
  int result = g_next_setname.get()(thread, name);
  if (result == 0) session::OnRename(thread, name);
  return result;
}

}  // extern "C"

}  // namespace limpet
