#include "runtime/table/free_filter.h"

#include <sys/mman.h>

#include "runtime/sys/raw_syscall.h"

namespace limpet {

void FreeFilter::AdviseFork(int page, int pages, int advice) {
  long result = sys::RawSyscall(SYS_madvise, sys::AsArgument(&counts_[page << kPageBits]),
                                pages << kPageBits, advice);
  if (advice == MADV_WIPEONFORK && sys::Failed(result))
    is_wiped_.store(false, std::memory_order_relaxed);
}

// A block of the bootstrap arena must be told from the heap's in a child as well, from its first
// free on.
void FreeFilter::Pin(const void* address) {
  std::size_t index = IndexOf(reinterpret_cast<std::uint64_t>(address));
  int page = static_cast<int>(index >> kPageBits);
  counts_[index].store(kStuck, std::memory_order_relaxed);
  std::uint64_t bit = std::uint64_t{1} << page;
  bool is_kept = (kept_pages_.fetch_or(bit) & bit) != 0;
  if (!is_kept && is_wiped_.load()) AdviseFork(page, 1, MADV_KEEPONFORK);
}

// A child finds all pinned, and leaves it to its parent's pages. That all are is said last: one
// that is forked in between must not believe it.
void FreeFilter::PinAll() {
  if (kept_pages_.load() == ~std::uint64_t{0}) return;
  if (is_wiped_.load()) AdviseFork(0, kPages, MADV_KEEPONFORK);
  for (auto& count : counts_) count.store(kStuck, std::memory_order_relaxed);
  kept_pages_.store(~std::uint64_t{0});
}

// What is pinned meanwhile is seen here, or sees that this is under way.
void FreeFilter::WipeOnFork() {
  is_wiped_.store(true);
  AdviseFork(0, kPages, MADV_WIPEONFORK);
  std::uint64_t kept = kept_pages_.load();
  for (int page = 0; page < kPages; ++page)
    if ((kept >> page & 1) != 0) AdviseFork(page, 1, MADV_KEEPONFORK);
}

void FreeFilter::ClearInChild() {
  std::uint64_t kept = kept_pages_.load(std::memory_order_relaxed);
  bool holds_all = kept == ~std::uint64_t{0};
  bool is_wiped = is_wiped_.load(std::memory_order_relaxed);
  for (int page = 0; page < kPages && !holds_all; ++page)
    if (!is_wiped || (kept >> page & 1) != 0) ClearPage(page);
}

// What is full may stay: it costs look-ups, never a free.
void FreeFilter::ClearPage(int page) {
  for (int i = page << kPageBits; i < (page + 1) << kPageBits; ++i) {
    std::uint8_t count = counts_[i].load(std::memory_order_relaxed);
    if (count != 0 && count != kStuck) counts_[i].store(0, std::memory_order_relaxed);
  }
}

}  // namespace limpet
