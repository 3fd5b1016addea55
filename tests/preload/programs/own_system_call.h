// An inline system call, as a runtime of its own makes it: no hook sees it.
//
// Runs: traced programs of the tests.  Threads: any.  Allocates: no.
#pragma once

inline long OwnSystemCall(long number, long a, long b, long c = 0) {
  long result = number;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}
