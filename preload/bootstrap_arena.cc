#include "preload/bootstrap_arena.h"

#include <atomic>
#include <cstdint>

#include "runtime/session.h"

namespace limpet::bootstrap_arena {
namespace {

constexpr std::size_t kArenaBytes = 16384;  // dlerror's and thread start's needs are under 2 KiB
constexpr std::size_t kAlignment = 16;

alignas(kAlignment) constinit char g_arena[kArenaBytes] = {};
constinit std::atomic<std::size_t> g_used = 0;

}  // namespace

void* Allocate(std::size_t bytes) {
  if (bytes > kArenaBytes) return nullptr;
  std::size_t rounded = bytes == 0 ? kAlignment : (bytes + kAlignment - 1) & ~(kAlignment - 1);
  std::size_t start = g_used.load(std::memory_order_relaxed);
  do {
    if (rounded > kArenaBytes - start) return nullptr;
  } while (!g_used.compare_exchange_weak(start, start + rounded, std::memory_order_relaxed));
  g_free_filter.Pin(g_arena + start);
  return g_arena + start;
}

bool Holds(const void* block) {
  auto address = reinterpret_cast<std::uintptr_t>(block);
  auto start = reinterpret_cast<std::uintptr_t>(g_arena);
  return address >= start && address < start + kArenaBytes;
}

std::size_t BytesBehind(const void* block) {
  return static_cast<std::size_t>(g_arena + kArenaBytes - static_cast<const char*>(block));
}

}  // namespace limpet::bootstrap_arena
