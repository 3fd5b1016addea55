#include "preload/once_owners.h"

#include <atomic>

namespace limpet {
namespace {

struct OnceEntry {
  std::atomic<const void*> flag;
  std::atomic<std::uint32_t> thread_id;
};

constexpr std::uint32_t kEntries = 64, kProbes = 8;
constinit OnceEntry g_entries[kEntries] = {};

OnceEntry& EntryOf(const void* flag, std::uint32_t probe) {
  std::uint64_t hash = reinterpret_cast<std::uint64_t>(flag) * 0x9E3779B97F4A7C15U >> 32;
  return g_entries[(hash + probe) % kEntries];
}

// Of the flag; nullptr: there is none.
OnceEntry* Find(const void* flag) {
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    OnceEntry& entry = EntryOf(flag, probe);
    if (entry.flag.load(std::memory_order_acquire) == flag) return &entry;
  }
  return nullptr;
}

// A free one, the flag's from now on; nullptr: all are others'.
OnceEntry* Take(const void* flag) {
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    OnceEntry& entry = EntryOf(flag, probe);
    const void* none = nullptr;
    if (entry.flag.compare_exchange_strong(none, flag, std::memory_order_acq_rel)) return &entry;
  }
  return nullptr;
}

}  // namespace

// Only one thread at a time does what a flag stands for.
void SetOnceOwner(const void* flag, std::uint32_t thread_id) {
  OnceEntry* entry = Find(flag);
  if (entry == nullptr) entry = Take(flag);
  if (entry != nullptr) entry->thread_id.store(thread_id, std::memory_order_release);
}

void ClearOnceOwner(const void* flag) {
  OnceEntry* entry = Find(flag);
  if (entry == nullptr) return;
  entry->thread_id.store(0, std::memory_order_relaxed);
  entry->flag.store(nullptr, std::memory_order_release);
}

std::uint32_t OnceOwner(const void* flag) {
  const OnceEntry* entry = Find(flag);
  if (entry == nullptr) return 0;
  std::uint32_t thread_id = entry->thread_id.load(std::memory_order_acquire);
  bool is_its = entry->flag.load(std::memory_order_relaxed) == flag;  // still: others may take it
  return is_its ? thread_id : 0;
}

}  // namespace limpet
