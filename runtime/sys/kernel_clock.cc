#include "runtime/sys/kernel_clock.h"

#include <elf.h>
#include <sys/auxv.h>

#include <cstring>

#include "runtime/sys/dynamic_section.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet::sys {
namespace {

int AskKernel(clockid_t clock, timespec* now) {
  return static_cast<int>(RawSyscall(SYS_clock_gettime, clock, AsArgument(now)));
}

// Where an image lies, against what it was linked for.
struct Image {
  std::uint64_t low = 0, high = 0;  // what is loaded of it
  std::uint64_t bias = 0;
  const Elf64_Dyn* dynamic = nullptr;
};

Image ImageAt(std::uint64_t base) {
  auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  Image image;
  for (std::uint32_t i = 0; i < header->e_phnum; ++i) {
    std::uint64_t address = base + segments[i].p_offset;
    if (segments[i].p_type == PT_DYNAMIC)
      image.dynamic = reinterpret_cast<const Elf64_Dyn*>(address);
    if (segments[i].p_type != PT_LOAD || image.high != 0) continue;
    image = {address, address + segments[i].p_memsz, address - segments[i].p_vaddr, image.dynamic};
  }
  return image;
}

}  // namespace

constinit std::atomic<ClockFunction> g_kernel_clock = AskKernel;

// Not each vDSO is linked for address 0 (gVisor's).
// Source: Linux, Documentation/ABI/stable/vdso; tools/testing/selftests/vDSO/parse_vdso.c
ClockFunction FindKernelClock(std::uint64_t base) {
  if (base == 0 || memcmp(reinterpret_cast<const void*>(base), ELFMAG, SELFMAG) != 0)
    return nullptr;
  Image image = ImageAt(base);
  if (image.dynamic == nullptr || image.high == 0) return nullptr;
  auto section = DynamicSection::OfLinked(image.dynamic, image.bias);
  const Elf64_Sym* symbol = section.Find("__vdso_clock_gettime");
  std::uint64_t address = symbol != nullptr ? symbol->st_value + image.bias : 0;
  bool is_inside = address >= image.low && address < image.high;
  return is_inside ? reinterpret_cast<ClockFunction>(address) : nullptr;
}

void BindKernelClock() {
  ClockFunction found = FindKernelClock(getauxval(AT_SYSINFO_EHDR));
  if (found != nullptr) g_kernel_clock.store(found, std::memory_order_relaxed);
}

}  // namespace limpet::sys
