// System calls without libc: errno stays untouched, no cancellation point, no interposable symbol.
//
// A negative result in [-4095, -1] is the error number, negated; see Failed().
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <sys/syscall.h>

#include <cstddef>

namespace limpet::sys {

constexpr bool Failed(long result) { return result < 0 && result > -4096; }

// Source: System V ABI AMD64, appendix A.2.1: number in rax, arguments in rdi rsi rdx r10 r8 r9;
// the kernel clobbers rcx and r11.
inline long RawSyscall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

template <class T>
long AsArgument(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace limpet::sys
