#include "runtime/stack/stack_bounds.h"

#include <sys/resource.h>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/thread_pointer.h"

// Set by ld.so to the stack pointer that the kernel started the process with. glibc has exported it
// since 2.2.5 and garbage collectors depend on it.
extern "C" void* __libc_stack_end;  // NOLINT(bugprone-reserved-identifier): its name

namespace limpet {
namespace {

constexpr std::uint64_t kPageMask = sys::kPageBytes - 1;
// The kernel keeps at least this much address space free below a process's main stack
// (arch/x86/mm/mmap.c, SIZE_128M), so whatever lies there is that stack.
constexpr std::uint64_t kStackGapBytes = 128 << 20;

}  // namespace

StackBounds MainThreadBounds() {
  std::uint64_t high = reinterpret_cast<std::uint64_t>(__libc_stack_end);
  rlimit limit = {};
  long result = sys::RawSyscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, sys::AsArgument(&limit));
  bool is_known = !sys::Failed(result) && limit.rlim_cur < kStackGapBytes;
  return {high - (is_known ? limit.rlim_cur : kStackGapBytes), high};
}

StackBounds OwnThreadBounds(std::uint64_t stack_bytes) {
  std::uint64_t high = sys::ThreadPointer();
  // glibc places the control block within the last page or two of the stack; one page less at the
  // low end is always inside.
  std::uint64_t top = (high + kPageMask) & ~kPageMask;
  return {top - stack_bytes + sys::kPageBytes, high};
}

}  // namespace limpet
