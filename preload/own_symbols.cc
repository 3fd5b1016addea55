#include "preload/own_symbols.h"

#include <sys/mman.h>

#include <cstring>

#include "runtime/sys/private_pages.h"
#include "runtime/sys/raw_syscall.h"

// Both are the linker's, and end up in this library alone.
extern "C" {
[[gnu::visibility("hidden")]] extern const Elf64_Dyn _DYNAMIC[];     // NOLINT: its name
[[gnu::visibility("hidden")]] extern const Elf64_Ehdr __ehdr_start;  // NOLINT: its name
}

namespace limpet {
namespace {

std::uint64_t LoadBias() { return reinterpret_cast<std::uint64_t>(&__ehdr_start); }

// glibc relocates the entries in place; a loader that does not leaves offsets.
std::uint64_t AddressIn(const Elf64_Dyn& entry) {
  std::uint64_t address = entry.d_un.d_ptr;
  return address < LoadBias() ? LoadBias() + address : address;
}

}  // namespace

OwnSymbols::OwnSymbols() {
  for (const Elf64_Dyn* entry = _DYNAMIC; entry->d_tag != DT_NULL; ++entry) {
    if (entry->d_tag == DT_SYMTAB) symbols_ = reinterpret_cast<Elf64_Sym*>(AddressIn(*entry));
    if (entry->d_tag == DT_STRTAB) names_ = reinterpret_cast<const char*>(AddressIn(*entry));
    // Two counts: of buckets, and of symbols.
    if (entry->d_tag == DT_HASH) count_ = reinterpret_cast<std::uint32_t*>(AddressIn(*entry))[1];
  }
  is_writable_ = count_ != 0 && Protect(PROT_READ | PROT_WRITE);
}

OwnSymbols::~OwnSymbols() {
  if (is_writable_) Protect(PROT_READ);
}

void OwnSymbols::Hide(const char* name) {
  for (std::uint32_t i = 0; is_writable_ && i < count_; ++i) {
    if (strcmp(names_ + symbols_[i].st_name, name) == 0) symbols_[i].st_value = 0;
  }
}

bool OwnSymbols::Protect(int protection) const {
  constexpr std::uint64_t kPageMask = sys::kPageBytes - 1;
  std::uint64_t start = reinterpret_cast<std::uint64_t>(symbols_) & ~kPageMask;
  std::uint64_t end = (reinterpret_cast<std::uint64_t>(symbols_ + count_) + kPageMask) & ~kPageMask;
  long result = sys::RawSyscall(SYS_mprotect, static_cast<long>(start),
                                static_cast<long>(end - start), protection);
  return !sys::Failed(result);
}

}  // namespace limpet
