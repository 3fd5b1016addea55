// Is memory mapped there, whatever its protection?
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <errno.h>
#include <sys/mman.h>

#include <cstdint>

#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet::sys {

// False: at least one page of [start, end) is not. Since Linux 2.6.19 this advice does nothing but
// fail at a hole. In a sandbox it is not asked: all that we know to have been mapped counts as
// mapped.
inline bool IsWhollyMapped(std::uint64_t start, std::uint64_t end) {
  if (IsSandboxed()) return true;
  long result =
      RawSyscall(SYS_msync, static_cast<long>(start), static_cast<long>(end - start), MS_ASYNC);
  return result != -ENOMEM;
}

}  // namespace limpet::sys
