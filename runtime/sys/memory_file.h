// A file that has no name and no place but memory, and goes with its last descriptor.
//
// Runs: target, in the process that becomes a companion.  Threads: any; async-signal-safe.
// Allocates: never.
#pragma once

#include <errno.h>

#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {

// A descriptor that stays open over execve, or an error number, negated. Newer kernels want to hear
// that it is not to be executed, and may insist; older ones do not know the word.
inline long MakeMemoryFile(const char* name) {
  constexpr long kNoExecSeal = 8;  // MFD_NOEXEC_SEAL, Linux 6.3
  long file = RawSyscall(SYS_memfd_create, AsArgument(name), kNoExecSeal);
  return file == -EINVAL ? RawSyscall(SYS_memfd_create, AsArgument(name), 0) : file;
}

}  // namespace limpet::sys
