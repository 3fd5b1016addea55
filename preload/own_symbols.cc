#include "preload/own_symbols.h"

#include <sys/mman.h>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"

// Both are the linker's, and end up in this library alone.
extern "C" {
[[gnu::visibility("hidden")]] extern const Elf64_Dyn _DYNAMIC[];     // NOLINT: its name
[[gnu::visibility("hidden")]] extern const Elf64_Ehdr __ehdr_start;  // NOLINT: its name
}

namespace limpet {

OwnSymbols::OwnSymbols()
    : section_(
          sys::DynamicSection::OfLoaded(_DYNAMIC, reinterpret_cast<std::uint64_t>(&__ehdr_start))),
      is_writable_(section_.SymbolCount() != 0 && Protect(PROT_READ | PROT_WRITE)) {}

OwnSymbols::~OwnSymbols() {
  if (is_writable_) Protect(PROT_READ);
}

void OwnSymbols::Hide(const char* name) {
  for (std::uint32_t i = 0; is_writable_ && i < section_.SymbolCount(); ++i) {
    if (section_.IsNamed(i, name)) section_.symbols[i].st_value = 0;
  }
}

bool OwnSymbols::Protect(int protection) const {
  constexpr std::uint64_t kPageMask = sys::kPageBytes - 1;
  const Elf64_Sym* symbols_end = section_.symbols + section_.SymbolCount();
  std::uint64_t start = reinterpret_cast<std::uint64_t>(section_.symbols) & ~kPageMask;
  std::uint64_t end = (reinterpret_cast<std::uint64_t>(symbols_end) + kPageMask) & ~kPageMask;
  long result = sys::RawSyscall(SYS_mprotect, static_cast<long>(start),
                                static_cast<long>(end - start), protection);
  return !sys::Failed(result);
}

}  // namespace limpet
