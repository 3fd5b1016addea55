// Another preload: passes on to the next function of each name, which it looks up at its first
// call.

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define SHOWN [[gnu::visibility("default")]]

namespace {

template <class Function>
class Next {
 public:
  constexpr explicit Next(const char* name) : name_(name) {}
  Function get() {
    if (function_ == nullptr) function_ = reinterpret_cast<Function>(dlsym(RTLD_NEXT, name_));
    return function_;
  }

 private:
  const char* name_;
  Function function_ = nullptr;
};

// Locks that this thread took, of each kind; to be asked for by the program.
thread_local int t_locked = 0;
// Its reads, likewise.
thread_local int t_reads = 0;
// How often it asked what time it is, likewise.
thread_local int t_clock_reads = 0;

using Lock = int (*)(pthread_mutex_t*);
using ReadLock = int (*)(pthread_rwlock_t*);
constinit Next<Lock> g_mutex_lock("pthread_mutex_lock");
constinit Next<ReadLock> g_read_lock("pthread_rwlock_rdlock");
constinit Next<int (*)(sem_t*)> g_sem_wait("sem_wait");
constinit Next<ssize_t (*)(int, void*, size_t)> g_read("read");
constinit Next<int (*)(clockid_t, timespec*)> g_clock_gettime("clock_gettime");

using SetMask = int (*)(int, const sigset_t*, sigset_t*);
using Iterate = int (*)(int (*)(dl_phdr_info*, size_t, void*), void*);
constinit Next<void* (*)(size_t)> g_malloc("malloc");
constinit Next<void (*)(void*)> g_free("free");
constinit Next<void* (*)(size_t, size_t)> g_calloc("calloc");
constinit Next<void* (*)(void*, size_t)> g_realloc("realloc");
constinit Next<SetMask> g_sigprocmask("sigprocmask");
constinit Next<SetMask> g_pthread_sigmask("pthread_sigmask");
constinit Next<Iterate> g_dl_iterate_phdr("dl_iterate_phdr");

// A symbol that is missing makes dlsym allocate, here within a constructor, and free at the next
// look-up, which must not be that of free.
[[gnu::constructor(101)]] void LookUpWhatIsMissing() {
  g_malloc.get();
  g_calloc.get();
  g_free.get();
  for (int i = 0; i < 10; ++i) static_cast<void>(dlsym(RTLD_NEXT, "no_such_symbol"));
  dlerror();
}

}  // namespace

extern "C" {

SHOWN void* malloc(size_t bytes) { return g_malloc.get()(bytes); }
SHOWN void free(void* block) { g_free.get()(block); }
SHOWN void* calloc(size_t count, size_t bytes) { return g_calloc.get()(count, bytes); }
SHOWN void* realloc(void* block, size_t bytes) { return g_realloc.get()(block, bytes); }
SHOWN int sigprocmask(int how, const sigset_t* set, sigset_t* old) {
  return g_sigprocmask.get()(how, set, old);
}
SHOWN int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) {
  return g_pthread_sigmask.get()(how, set, old);
}
SHOWN int pthread_mutex_lock(pthread_mutex_t* mutex) {
  ++t_locked;
  return g_mutex_lock.get()(mutex);
}
SHOWN int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  ++t_locked;
  return g_read_lock.get()(lock);
}
SHOWN int sem_wait(sem_t* semaphore) {
  ++t_locked;
  return g_sem_wait.get()(semaphore);
}
SHOWN ssize_t read(int descriptor, void* to, size_t bytes) {
  ++t_reads;
  return g_read.get()(descriptor, to, bytes);
}
SHOWN int wrapped_reads() { return t_reads; }
SHOWN int wrapped_locks() { return t_locked; }
SHOWN int clock_gettime(clockid_t clock, timespec* now) {
  ++t_clock_reads;
  return g_clock_gettime.get()(clock, now);
}
SHOWN int wrapped_clock_reads() { return t_clock_reads; }
SHOWN int dl_iterate_phdr(int (*callback)(dl_phdr_info*, size_t, void*), void* data) {
  return g_dl_iterate_phdr.get()(callback, data);
}

}  // extern "C"
