// Thread creation: a new thread starts in our function, which tells the tracer its stack and its
// end.

#include <pthread.h>

#include "preload/export.h"
#include "preload/next_symbol.h"
#include "runtime/dump/watch_start.h"
#include "runtime/session.h"

namespace limpet {
namespace {

using PthreadCreate = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
NextFunction<PthreadCreate> g_next_pthread_create("pthread_create");

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

}  // namespace

void BindThreadHooks() { g_next_pthread_create.Bind(); }

extern "C" {

int HookPthreadCreate(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                      void* argument) LIMPET_EXPORT("pthread_create");

int HookPthreadCreate(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                      void* argument) {
  PthreadCreate create = g_next_pthread_create.get();
  ThreadRecord* record = session::OnThreadCreate();
  if (record == nullptr) return create(thread, attributes, routine, argument);
  record->routine = routine;
  record->argument = argument;
  record->stack_bytes = StackBytes(attributes);
  EnsureWatcher();
  int result = create(thread, attributes, RunThread, record);
  if (result != 0) session::OnThreadCreateFailed(record);
  return result;
}

}  // extern "C"

}  // namespace limpet
