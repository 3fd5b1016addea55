// How much room is left on the signal stack that the thread runs on.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <signal.h>

#include <cstdint>

#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {

// False: it runs on none, or on one that the kernel does not know of (a fiber's).
inline bool IsNearEndOfSignalStack(std::uint64_t stack_pointer, std::uint64_t least_bytes) {
  stack_t stack = {};
  long result = RawSyscall(SYS_sigaltstack, 0, AsArgument(&stack));
  if (Failed(result) || (stack.ss_flags & SS_ONSTACK) == 0) return false;
  return stack_pointer - reinterpret_cast<std::uint64_t>(stack.ss_sp) < least_bytes;
}

}  // namespace limpet::sys
