// Allocates known bytes at known call sites, once for each function of the allocation family.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cstdint>
#include <new>

#include "tests/preload/programs/ready.h"

#define SITE [[gnu::noinline]]

namespace {

volatile char g_sink;
void Use(void* block) {
  if (block == nullptr) return;
  *static_cast<volatile char*>(block) = 1;
  g_sink = 1;
}
// Hides a size from the compiler's warnings and folding.
std::size_t Hidden(std::size_t bytes) {
  static volatile std::size_t value;
  value = bytes;
  return value;
}

SITE void SiteMalloc() {
  void* kept[3];
  for (void*& block : kept) Use(block = malloc(100));
  free(kept[0]);
}
SITE void SiteMallocZero() {
  for (int i = 0; i < 5; ++i) {
    if (malloc(Hidden(0)) == nullptr) abort();
  }
}
SITE void SiteCalloc() {
  for (int i = 0; i < 4; ++i) Use(calloc(10, 7));
}
SITE void SiteCallocOverflow() {
  if (calloc(Hidden(SIZE_MAX / 2), 3) != nullptr) abort();
}
SITE void SiteReallocGrow() {
  void* block = nullptr;
  for (std::size_t bytes = 1000; bytes <= 4000; bytes += 1000) Use(block = realloc(block, bytes));
}
SITE void SiteReallocShrink() {
  void* block = malloc(5000);
  Use(block = realloc(block, 50));
}
SITE void SiteReallocFail() {
  void* block = malloc(300);
  if (realloc(block, Hidden(SIZE_MAX / 2)) != nullptr) abort();
  Use(block);
}
SITE void SiteReallocFree() {
  void* block = malloc(400);
  if (realloc(block, Hidden(0)) != nullptr) abort();
}
SITE void SiteReallocarray() {
  void* block = reallocarray(nullptr, 8, 16);
  Use(block = reallocarray(block, 16, 16));
  if (reallocarray(block, Hidden(SIZE_MAX / 2), 4) != nullptr) abort();
}
SITE void SitePosixMemalign() {
  void* block = nullptr;
  if (posix_memalign(&block, 64, 640) != 0) abort();
  Use(block);
  if (posix_memalign(&block, Hidden(3), 640) == 0) abort();
}
SITE void SiteAlignedAlloc() { Use(aligned_alloc(128, 1280)); }
SITE void SiteMemalign() { Use(memalign(256, 2560)); }
SITE void SiteValloc() { Use(valloc(111)); }
SITE void SitePvalloc() { Use(pvalloc(222)); }
SITE void SiteNew() {
  char* freed = new char;
  Use(new char[77]);
  Use(freed);
  delete freed;
}
SITE void SiteNewAligned() {
  Use(operator new (320, std::align_val_t{64}));
  Use(operator new[](33, std::nothrow));
}
SITE void SiteStrdup() { Use(strdup("nineteen characters")); }
// Their first buffer is libc's choice; what is left is the text.
SITE void SiteAsprintf() {
  char* text = nullptr;
  if (asprintf(&text, "%0300d", 7) != 300) abort();
  Use(text);
}
// So large that libc maps it.
SITE void SiteMallocMapped() {
  void* kept = malloc(40 << 20);
  Use(kept);
  Use(kept = realloc(kept, 60 << 20));
  void* freed = calloc(40, 1 << 20);
  Use(freed);
  free(freed);
}
constexpr size_t kAddressSpaceBytes = size_t{1} << 47;  // of a process
SITE void SiteMallocTooLarge() {
  if (malloc(Hidden(SIZE_MAX - 4096)) != nullptr) abort();
  if (malloc(Hidden(SIZE_MAX)) != nullptr) abort();
  if (malloc(Hidden(kAddressSpaceBytes)) != nullptr) abort();
}
SITE void SiteFreeNull() { free(nullptr); }

}  // namespace

int main() {
  SiteMalloc();
  SiteMallocZero();
  SiteCalloc();
  SiteCallocOverflow();
  SiteReallocGrow();
  SiteReallocShrink();
  SiteReallocFail();
  SiteReallocFree();
  SiteReallocarray();
  SitePosixMemalign();
  SiteAlignedAlloc();
  SiteMemalign();
  SiteValloc();
  SitePvalloc();
  SiteNew();
  SiteNewAligned();
  SiteStrdup();
  SiteAsprintf();
  SiteMallocMapped();
  SiteMallocTooLarge();
  SiteFreeNull();
  Ready();
}
