#include "runtime/sys/kernel_clock.h"

#include <elf.h>
#include <sys/auxv.h>

#include "runtime/sys/dynamic_section.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {
namespace {

int AskKernel(clockid_t clock, timespec* now) {
  return static_cast<int>(RawSyscall(SYS_clock_gettime, clock, AsArgument(now)));
}

// The vDSO is linked for address 0.
const Elf64_Sym* FindInVdso(std::uint64_t base, const char* name) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  for (std::uint32_t i = 0; i < header->e_phnum; ++i) {
    if (segments[i].p_type != PT_DYNAMIC) continue;
    auto* entries = reinterpret_cast<const Elf64_Dyn*>(base + segments[i].p_vaddr);
    return DynamicSection(entries, base).Find(name);
  }
  return nullptr;
}

}  // namespace

constinit std::atomic<ClockFunction> g_kernel_clock = AskKernel;

// Source: Linux, Documentation/ABI/stable/vdso
void BindKernelClock() {
  std::uint64_t base = getauxval(AT_SYSINFO_EHDR);
  const Elf64_Sym* symbol = base != 0 ? FindInVdso(base, "__vdso_clock_gettime") : nullptr;
  if (symbol == nullptr) return;
  g_kernel_clock.store(reinterpret_cast<ClockFunction>(base + symbol->st_value),
                       std::memory_order_relaxed);
}

}  // namespace limpet::sys
