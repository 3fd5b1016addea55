// The thread pointer: address of the thread's control block, which glibc puts at the high end of
// the thread's stack. Hence it is an upper bound of the stack, known without a system call or a
// lock.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet::sys {

// Source: ELF Handling For Thread-Local Storage, x86-64: the word at %fs:0 holds its own address.
inline std::uint64_t ThreadPointer() {
  std::uint64_t address;
  __asm__("mov %%fs:0, %0" : "=r"(address));
  return address;
}

}  // namespace limpet::sys

// The calling thread's variable of that name, as the linker knows it, after a call of somebody
// else's function: a fiber may have gone on in another thread meanwhile, and the compiler thinks
// that addresses of thread-local variables stay the same.
// Source: ELF Handling For Thread-Local Storage, 4.4.6: initial-exec.
#define LIMPET_THREAD_LOCAL_AFTER_CALL(symbol, address)                   \
  __asm__ volatile("mov %%fs:0, %0\n\tadd " symbol "@gottpoff(%%rip), %0" \
                   : "=r"(address)                                        \
                   :                                                      \
                   : "c"                                                  \
                     "c")
