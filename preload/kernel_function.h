// Functions of libc that are nothing but a system call, which a hook may make itself.
//
//   one thread:   hook ───────────────▶ kernel
//   several:      hook ─▶ libc's read ─▶ kernel
//
// What libc's function does besides is to be a cancellation point. In a process of one thread it
// leaves that out, by the same word that is asked here. The hook gains a return: behind a system
// call the processor cannot foretell where functions return to, and each further frame costs 9 ns,
// a quarter of what a ready read() costs more.
//
// Never where another library behind us has the name, nor once a thread was told to end: a lone one
// may tell itself.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <errno.h>

#include <type_traits>

#include "preload/next_symbol.h"
#include "preload/parked_call.h"
#include "runtime/sys/cheap_atomic.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {

// pthread_cancel was called.
[[gnu::visibility("hidden")]] extern constinit bool g_is_cancellation_used;

template <class Function>
class KernelFunction : public NextFunction<Function> {
 public:
  using NextFunction<Function>::NextFunction;

  void Bind() {
    __atomic_store_n(&is_libcs_, IsLibcs(NextFunction<Function>::Bind()), __ATOMIC_RELAXED);
  }

  [[gnu::always_inline]] bool IsPlainCall() const {
    return __atomic_load_n(&is_libcs_, __ATOMIC_RELAXED) && sys::IsSingleThreaded() &&
           !__atomic_load_n(&g_is_cancellation_used, __ATOMIC_RELAXED);
  }

 private:
  static bool IsLibcs(Function function) {
    return IsInLibc(reinterpret_cast<const void*>(function));
  }

  bool is_libcs_ = false;
};

template <class Argument>
long WordOf(Argument argument) {
  if constexpr (std::is_pointer_v<Argument>)
    return sys::AsArgument(argument);
  else
    return static_cast<long>(argument);
}

// As libc's function of that number returns.
template <class... Arguments>
[[gnu::always_inline]] inline long CallKernel(long number, Arguments... arguments) {
  long result = sys::RawSyscall(number, WordOf(arguments)...);
  if (!sys::Failed(result)) [[likely]]
    return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace limpet

// A line is as of LIMPET_PARKED_HOOK (parked_hook.h), and at the end the system call.
// NOLINTBEGIN(bugprone-macro-parentheses): a type is no expression
#define LIMPET_KERNEL_HOOK(result, name, symbol, parameters, arguments, wait, call) \
  static constinit KernelFunction<result(*) parameters> g_next##name(symbol);       \
  extern "C" result Hook##name parameters LIMPET_EXPORT(symbol);                    \
  extern "C" result Hook##name parameters {                                         \
    ParkedCall parked(wait, sys::CaptureCaller());                                  \
    if (g_next##name.IsPlainCall()) [[likely]]                                      \
      return static_cast<result>(CallKernel call);                                  \
    return g_next##name.get() arguments;                                            \
  }
// NOLINTEND(bugprone-macro-parentheses)
