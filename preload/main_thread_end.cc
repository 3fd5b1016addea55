#include "preload/main_thread_end.h"

#include <pthread.h>

#include "runtime/session.h"

namespace limpet {
namespace {

// Of the main thread alone, so it needs no lock.
bool g_has_key = false;
pthread_key_t g_key;

void LeaveMainThread(void*) { session::OnMainThreadExit(); }

}  // namespace

// The key is made only now: until then the program's own have the numbers that they have without
// us, and as the last one its destructor comes after theirs.
void ExpectEndOfMainThread() {
  if (!session::IsMainThread()) return;
  if (!g_has_key) g_has_key = pthread_key_create(&g_key, LeaveMainThread) == 0;
  if (g_has_key) pthread_setspecific(g_key, &g_key);
}

}  // namespace limpet
