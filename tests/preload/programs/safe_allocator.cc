// An allocator that a signal handler may call while the same thread is inside it, which libc's is
// not: handlers may then interrupt our hooks anywhere, and nothing else can go wrong.
//
// Blocks of up to 512 bytes come from a lock-free list, larger ones, which nobody here takes in a
// loop, are never taken back.

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <atomic>
#include <cstddef>

namespace {

constexpr size_t kBlockBytes = 512;
constexpr uint32_t kBlocks = 1u << 18;
constexpr size_t kLargeBytes = size_t{256} << 20;
constexpr size_t kHeaderBytes = 16;
constexpr uint64_t kIndexMask = 0xffffffff;
constexpr uint64_t kOnePush = uint64_t{1} << 32;

std::atomic<char*> g_region = nullptr;
std::atomic<uint64_t> g_free = 0;  // block + 1 in the low half, a count against ABA above
std::atomic<uint32_t> g_fresh = 0;
std::atomic<size_t> g_large = 0;
std::atomic<uint32_t> g_next[kBlocks];

char* Region() {
  char* region = g_region.load();
  if (region != nullptr) return region;
  constexpr size_t kBytes = kBlocks * kBlockBytes + kLargeBytes;
  void* mapped = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (g_region.compare_exchange_strong(region, static_cast<char*>(mapped)))
    return static_cast<char*>(mapped);
  munmap(mapped, kBytes);
  return region;
}

void* TakeSmall() {
  uint64_t head = g_free.load();
  while ((head & kIndexMask) != 0) {
    auto block = static_cast<uint32_t>((head & kIndexMask) - 1);
    uint64_t next = ((head & ~kIndexMask) + kOnePush) | g_next[block];
    if (g_free.compare_exchange_weak(head, next)) return Region() + block * kBlockBytes;
  }
  uint32_t fresh = g_fresh.fetch_add(1);
  return fresh < kBlocks ? Region() + fresh * kBlockBytes : nullptr;
}

void* TakeLarge(size_t bytes) {
  size_t at = g_large.fetch_add((bytes + 2 * kHeaderBytes - 1) & ~(kHeaderBytes - 1));
  if (bytes > kLargeBytes || at > kLargeBytes - bytes - kHeaderBytes) return nullptr;
  char* start = Region() + kBlocks * kBlockBytes + at;
  memcpy(start, &bytes, sizeof(bytes));
  return start + kHeaderBytes;
}

size_t BytesOf(void* block) {
  size_t bytes = kBlockBytes;
  if (static_cast<char*>(block) >= Region() + kBlocks * kBlockBytes)
    memcpy(&bytes, static_cast<char*>(block) - kHeaderBytes, sizeof(bytes));
  return bytes;
}

void* Take(size_t bytes) {
  void* block = bytes <= kBlockBytes ? TakeSmall() : TakeLarge(bytes);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

void GiveBack(void* block) {
  auto at = static_cast<size_t>(static_cast<char*>(block) - Region());
  if (block == nullptr || at >= kBlocks * kBlockBytes) return;
  auto index = static_cast<uint32_t>(at / kBlockBytes);
  uint64_t head = g_free.load();
  uint64_t next = 0;
  do {
    g_next[index] = static_cast<uint32_t>(head);
    next = (head & ~kIndexMask) + kOnePush + index + 1;
  } while (!g_free.compare_exchange_weak(head, next));
}

// Never given back: the padding hides its start.
void* TakeAligned(size_t alignment, size_t bytes) {
  auto start = reinterpret_cast<size_t>(TakeLarge(bytes + alignment));
  return reinterpret_cast<void*>((start + alignment - 1) & ~(alignment - 1));
}

}  // namespace

// None of these calls another by its name: that call would go through the hooks.
#define EXPORTED extern "C" [[gnu::visibility("default")]]

EXPORTED void* malloc(size_t bytes) { return Take(bytes); }
EXPORTED void free(void* block) { GiveBack(block); }

EXPORTED void* calloc(size_t count, size_t bytes) {
  size_t total = 0;
  void* block = __builtin_mul_overflow(count, bytes, &total) ? nullptr : Take(total);
  return block == nullptr ? nullptr : memset(block, 0, total);
}

EXPORTED void* realloc(void* block, size_t bytes) {
  void* moved = Take(bytes);
  if (moved == nullptr || block == nullptr) return moved;
  size_t old_bytes = BytesOf(block);
  memcpy(moved, block, old_bytes < bytes ? old_bytes : bytes);
  GiveBack(block);
  return moved;
}

EXPORTED int posix_memalign(void** block, size_t alignment, size_t bytes) {
  *block = TakeAligned(alignment, bytes);
  return 0;
}
EXPORTED void* aligned_alloc(size_t alignment, size_t bytes) {
  return TakeAligned(alignment, bytes);
}
EXPORTED void* memalign(size_t alignment, size_t bytes) { return TakeAligned(alignment, bytes); }
EXPORTED void* valloc(size_t bytes) { return TakeAligned(4096, bytes); }
EXPORTED void* pvalloc(size_t bytes) { return TakeAligned(4096, bytes); }
