#include "runtime/stack/stack_memory.h"

#include <sys/uio.h>

#include "runtime/sys/raw_syscall.h"
#include "runtime/sys/sandbox.h"

namespace limpet {
namespace {

bool CopyPage(std::uint64_t page_address, StackPage* page) {
  if (sys::IsSandboxed()) return false;
  iovec local = {page->bytes, sizeof(page->bytes)};
  iovec remote = {reinterpret_cast<void*>(page_address), sizeof(page->bytes)};
  long copied = sys::RawSyscall(SYS_process_vm_readv, sys::RawSyscall(SYS_getpid),
                                sys::AsArgument(&local), 1, sys::AsArgument(&remote), 1, 0);
  return copied == static_cast<long>(sizeof(page->bytes));
}

}  // namespace

bool StackMemory::LoadForeign(std::uint64_t slot, std::uint64_t* value) const {
  std::uint64_t page_address = PageOf(slot);
  if (page_address == live_page_) {
    *value = Word(slot);
    return true;
  }
  if (page_->address != page_address) {
    page_->address = CopyPage(page_address, page_) ? page_address : 0;
    if (page_->address == 0) return false;
  }
  memcpy(value, page_->bytes + (slot - page_address), sizeof(*value));
  return true;
}

}  // namespace limpet
