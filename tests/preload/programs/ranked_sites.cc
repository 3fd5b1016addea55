// Allocates at fourteen sites whose bytes in use, and whose bytes allocated, are each well apart,
// and prints what it did at its end: one line for each site and size,
//
//   SITE BYTES USABLE_BYTES ALLOCATED_OBJECTS OBJECTS_IN_USE
//
// By bytes in use the sites come in the order of `kWorks`; by bytes allocated in another one.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <array>
#include <cstdint>
#include <new>

// C names are the same to every reader of symbols.
#define SITE extern "C" [[gnu::noinline]]

namespace {

constexpr std::size_t kIndexBytes = 3000;

constexpr std::size_t MiB(double number) { return static_cast<std::size_t>(number * 0x1p20); }

// Blocks of one size of one site. A usable size belongs to the allocator at hand.
struct Tally {
  const char* site;
  std::size_t bytes;
  std::size_t usable_bytes;
  int64_t allocated;
  int64_t in_use;
};
std::array<Tally, 64> g_tallies;

Tally& TallyOf(const char* site, std::size_t bytes) {
  for (Tally& tally : g_tallies) {
    if (tally.site == nullptr) tally = {site, bytes, 0, 0, 0};
    if (strcmp(tally.site, site) == 0 && tally.bytes == bytes) return tally;
  }
  abort();
}

// Called by the site itself, so that the site's frame is on the stack while it allocates.
[[gnu::noinline]] void* Noted(const char* site, std::size_t bytes, void* block) {
  if (block == nullptr) abort();
  Tally& tally = TallyOf(site, bytes);
  tally.usable_bytes = malloc_usable_size(block);
  ++tally.allocated;
  ++tally.in_use;
  return block;
}

void NoteFree(const char* site, std::size_t bytes) { --TallyOf(site, bytes).in_use; }

// An argument that the optimizer cannot take for a constant: one site must stay one function.
volatile std::size_t g_one = 1;

}  // namespace

SITE void* SiteImage(std::size_t bytes) {
  void* block = nullptr;
  if (posix_memalign(&block, 4096, bytes) != 0) abort();
  return Noted("SiteImage", bytes, block);
}
SITE void* SiteIndex(std::size_t bytes) { return Noted("SiteIndex", bytes, malloc(bytes)); }
// One site below another: each table has an index, which is the index's own.
SITE void* SiteTable(std::size_t bytes) {
  SiteIndex(kIndexBytes * g_one);
  return Noted("SiteTable", bytes, calloc(bytes / 16, 16));
}
// Takes half and grows to `bytes`: what is in use has been allocated one and a half times.
SITE void* SiteBuffer(std::size_t bytes) {
  void* block = Noted("SiteBuffer", bytes / 2, malloc(bytes / 2));
  NoteFree("SiteBuffer", bytes / 2);
  return Noted("SiteBuffer", bytes, realloc(block, bytes));
}
SITE void* SiteRow(std::size_t bytes) { return Noted("SiteRow", bytes, new char[bytes]); }
SITE void* SitePage(std::size_t bytes) {
  return Noted("SitePage", bytes, aligned_alloc(64, bytes));
}
SITE void* SiteNode(std::size_t bytes) { return Noted("SiteNode", bytes, operator new(bytes)); }
SITE void* SiteText(std::size_t bytes) { return Noted("SiteText", bytes, malloc(bytes)); }
SITE void* SiteKey(std::size_t bytes) { return Noted("SiteKey", bytes, malloc(bytes)); }
SITE void* SiteLine(std::size_t bytes) {
  return Noted("SiteLine", bytes, reallocarray(nullptr, bytes / 8, 8));
}
SITE void* SiteCell(std::size_t bytes) { return Noted("SiteCell", bytes, calloc(1, bytes)); }
SITE void* SiteName(std::size_t bytes) {
  static char text[512];
  memset(text, 'n', bytes - 1);
  text[bytes - 1] = '\0';
  return Noted("SiteName", bytes, strdup(text));
}
SITE void* SiteScratch(std::size_t bytes) { return Noted("SiteScratch", bytes, malloc(bytes)); }
SITE void* SiteDraft(std::size_t bytes) { return Noted("SiteDraft", bytes, malloc(bytes)); }

namespace {

// What one site does: blocks of its sizes in turn, together `bytes`, of which `kept_bytes` stay.
struct Work {
  const char* site;
  void* (*allocate)(std::size_t bytes);
  void (*release)(void* block);
  std::array<std::size_t, 4> sizes;
  std::size_t bytes;
  std::size_t kept_bytes;
};

void Delete(void* block) { operator delete(block); }
void DeleteArray(void* block) { operator delete[](block); }

// Both columns fall by about a quarter and more from rank to rank, in their own order. Small sizes
// stand where the bytes are few enough to be quick, and many enough to be ranked by samples.
constexpr Work kWorks[] = {
    {"SiteImage", SiteImage, free, {1048576, 1048576, 524288, 524288}, MiB(66), MiB(66)},
    {"SiteTable", SiteTable, free, {262144, 196608, 327680, 262144}, MiB(120), MiB(46)},
    {"SiteBuffer", SiteBuffer, free, {65536, 65536, 65536, 65536}, MiB(32), MiB(32)},
    {"SiteRow", SiteRow, DeleteArray, {4096, 1024, 512, 256}, MiB(26), MiB(24)},
    {"SitePage", SitePage, free, {4096, 8192, 4096, 16384}, MiB(89), MiB(18)},
    {"SiteNode", SiteNode, Delete, {96, 160, 192, 640}, MiB(19), MiB(13)},
    {"SiteText", SiteText, free, {300, 500, 1000, 1500}, MiB(36), MiB(9.7)},
    {"SiteKey", SiteKey, free, {32, 48, 64, 48}, MiB(7.1), MiB(7.1)},
    {"SiteLine", SiteLine, free, {512, 768, 1280, 2048}, MiB(14), MiB(5.2)},
    {"SiteCell", SiteCell, free, {16, 32, 16, 32}, MiB(3.8), MiB(3.8)},
    {"SiteName", SiteName, free, {100, 200, 300, 400}, MiB(2.2), MiB(2.2)},
    {"SiteScratch", SiteScratch, free, {65536, 131072, 10000, 20000}, MiB(162), 0},
    {"SiteDraft", SiteDraft, free, {2048, 2560, 7000, 8192}, MiB(10.1), 0},
};

// As many frames as asked for, so that a site has several stacks.
[[gnu::noinline]] void* AllocateBelow(const Work& work, std::size_t bytes, int frames) {
  void* block = frames > 0 ? AllocateBelow(work, bytes, frames - 1) : work.allocate(bytes);
  // Something left to do: a call in the last place would leave no frame.
  return g_one == 1 ? block : nullptr;
}

// Keeps blocks evenly over the run: what is freed is taken again by what is kept.
[[gnu::noinline]] void Do(const Work& work) {
  std::size_t allocated = 0;
  std::size_t kept = 0;
  for (std::size_t turn = 0; allocated < work.bytes; ++turn) {
    const std::size_t bytes = work.sizes[turn % work.sizes.size()];
    void* block = AllocateBelow(work, bytes, static_cast<int>(turn / 4 % 3));
    allocated += bytes;
    if (kept * work.bytes < allocated * work.kept_bytes) {
      kept += bytes;
      continue;
    }
    work.release(block);
    NoteFree(work.site, bytes);
  }
}

}  // namespace

int main() {
  for (const Work& work : kWorks) Do(work);
  for (const Tally& tally : g_tallies) {
    if (tally.site == nullptr) break;
    printf("%s %zu %zu %jd %jd\n", tally.site, tally.bytes, tally.usable_bytes,
           static_cast<intmax_t>(tally.allocated), static_cast<intmax_t>(tally.in_use));
  }
}
