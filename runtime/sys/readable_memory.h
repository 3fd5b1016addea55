// Whether memory can be read, asked of the kernel: a bad address is an answer instead of a signal.
//
// The kernel copies a signal mask from the address before it looks at what is to be done with it,
// which here is nothing it knows. So nothing is changed, and what is told apart is EFAULT. It takes
// less time than process_vm_readv, and containers refuse it to nobody.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <errno.h>

#include <cstddef>
#include <cstdint>

#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {

inline constexpr std::uint64_t kMaskBytes = 8;  // the kernel's, and a part of no more than one page

// `address` is a multiple of its size.
inline bool IsMaskReadable(std::uint64_t address) {
  constexpr long kNothing = -1;
  long result = RawSyscall(SYS_rt_sigprocmask, kNothing, static_cast<long>(address), 0, kMaskBytes);
  return result != -EFAULT;
}

// At least 1 byte and at most a page of them.
inline bool IsReadable(const void* from, std::size_t bytes) {
  auto address = reinterpret_cast<std::uint64_t>(from);
  std::uint64_t first = address & ~(kMaskBytes - 1);
  std::uint64_t last = (address + bytes - 1) & ~(kMaskBytes - 1);
  return IsMaskReadable(first) && (first == last || IsMaskReadable(last));
}

}  // namespace limpet::sys
