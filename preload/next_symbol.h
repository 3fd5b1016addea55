// The functions behind our hooks: whatever the dynamic linker finds next, libc's or another
// allocator's.
//
//   program -> hook -> g_next.malloc -> libc | jemalloc | another preload
//
// Until the first call each pointer leads to a resolver, so that a hook needs no check. Looking a
// name up may itself allocate; such nested calls are served by the bootstrap arena.
//
// Runs: target hot path.  Threads: any; resolving in two at once does no harm.  Allocates: never.
#pragma once

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include <cstddef>

namespace limpet {

struct NextSymbols {
  void* (*malloc)(std::size_t);
  void* (*calloc)(std::size_t, std::size_t);
  void* (*realloc)(void*, std::size_t);
  void (*free)(void*);
  int (*posix_memalign)(void**, std::size_t, std::size_t);
  void* (*aligned_alloc)(std::size_t, std::size_t);
  void* (*memalign)(std::size_t, std::size_t);
  void* (*valloc)(std::size_t);
  void* (*pvalloc)(std::size_t);
  // nullptr where libc has them not (before 2.43): plain free serves.
  void (*free_sized)(void*, std::size_t);
  void (*free_aligned_sized)(void*, std::size_t, std::size_t);
};
// Hidden on the declaration too, which lets a hook jump through it without loading its address
// first.
[[gnu::visibility("hidden")]] extern constinit NextSymbols g_next;

// Which of those that not every libc has are there, read from the objects' tables. Called while the
// loader relocates: nothing outside of this library may be reached.
void LookForOptionalSymbols();

// Looks up everything above; called by the resolvers and at load.
void ResolveNextSymbols();

// Looks up one name behind our library, of a version where that is given and there; nullptr where
// LookForOptionalSymbols found none.
void* FindNext(const char* name, const char* version = nullptr);

// `function` is in libc's code: nobody else has taken its name behind us.
bool IsInLibc(const void* function);

// A hook's own function pointer. All are bound at load, because a look-up takes the loader's lock
// and clears the program's dlerror(); a hook that is called before that binds its own.
template <class Function>
class NextFunction {
 public:
  // `version`: where libc has functions of this name that differ.
  constexpr explicit NextFunction(const char* name, const char* version = nullptr)
      : name_(name), version_(version) {}

  Function get() {
    Function function = __atomic_load_n(&function_, __ATOMIC_RELAXED);
    return function != nullptr ? function : Bind();
  }

  [[gnu::cold, gnu::noinline]] Function Bind() {
    auto function = reinterpret_cast<Function>(FindNext(name_, version_));
    Set(function);
    return function;
  }

  void Set(Function function) { __atomic_store_n(&function_, function, __ATOMIC_RELAXED); }
  const char* name() const { return name_; }

 private:
  const char* name_;
  const char* version_;
  Function function_ = nullptr;
};

template <class... Functions>
void BindAll(Functions&... functions) {
  (functions.Bind(), ...);
}

// Each file with hooks binds what it calls; BindHooks() has them all do so.
void BindNewHooks();
void BindMappingHooks();
void BindThreadHooks();
void BindLoaderHooks();
void BindSignalHooks();
void BindPrivilegeHooks();
void BindSandboxHooks();
void BindLockHooks();
void BindConditionHooks();
void BindJoinHooks();
void BindSemaphoreHooks();
void BindSleepHooks();
void BindTimerHooks();
void BindFutexHooks();
void BindPollHooks();
void BindDescriptorHooks();
void BindFileHooks();
void BindChildHooks();
void BindMessageHooks();
void BindReleaseHooks();
void BindResolveHooks();
void BindStreamHooks();
void BindFormatHooks();
void BindOnceHooks();
void BindJumpHooks();

}  // namespace limpet
