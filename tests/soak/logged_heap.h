// Allocates and frees, and says so in a ThreadLog before and after.
//
// Runs: programs of the soak.  Threads: one each.  Allocates: it is what it is for.
#pragma once

#include <malloc.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>
#include <new>

#include "tests/soak/call_log.h"

namespace limpet {

enum class Way : std::uint32_t { kMalloc = 0, kCalloc, kNew, kAligned, kPosixMemalign, kPlugin };
inline constexpr std::uint64_t kOwnWays = 5;

// What each block begins with.
struct Block {
  std::uint32_t owner;
  Way way;
  std::uint64_t bytes;
};

using PluginAllocate = void* (*)(std::size_t);

class LoggedHeap {
 public:
  LoggedHeap(ThreadLog* log, std::uint32_t owner) : log_(log), owner_(owner) {}

  // `bytes` is at least sizeof(Block), and of kAligned a multiple of 64.
  Block* Allocate(std::uint64_t bytes, Way way, PluginAllocate plugin) {
    Begin({.allocates = {1, bytes}});
    void* block = CallAllocator(bytes, way, plugin);
    return End(block, way);
  }

  Block* Resize(Block* block, std::uint64_t bytes) {
    Begin({.allocates = {1, bytes}, .frees = {1, block->bytes}, .freed_owner = block->owner});
    Way way = block->way;
    return End(realloc(block, bytes), way);
  }

  void Free(Block* block) {
    Begin({.frees = {1, block->bytes}, .freed_owner = block->owner});
    if (block->way == Way::kNew)
      operator delete(block);
    else
      free(block);
    End();
  }

  ThreadLog& log() { return *log_; }

 private:
  static void* CallAllocator(std::uint64_t bytes, Way way, PluginAllocate plugin) {
    void* block = nullptr;
    switch (way) {
      case Way::kMalloc:
        return malloc(bytes);
      case Way::kCalloc:
        return calloc(1, bytes);
      case Way::kNew:
        return operator new(bytes);
      case Way::kAligned:
        return aligned_alloc(64, bytes);
      case Way::kPosixMemalign:
        return posix_memalign(&block, 32, bytes) == 0 ? block : nullptr;
      case Way::kPlugin:
        return plugin(bytes);
    }
    return nullptr;
  }

  // The processor keeps the order of stores; the fences keep the compiler from changing it, which
  // may take malloc for a function that looks at nothing.
  void Begin(Call call) {
    call.allocated_before = log_->allocated;
    call.freed_before = log_->freed[call.freed_owner];
    log_->call = call;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    log_->begun.fetch_add(1);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  void End() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const Call& call = log_->call;
    Add(call.allocates, log_->allocated);
    Add(call.frees, log_->freed[call.freed_owner]);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    log_->done.fetch_add(1);
  }

  Block* End(void* memory, Way way) {
    if (memory == nullptr) abort();
    auto* block = static_cast<Block*>(memory);
    *block = {owner_, way, log_->call.allocates.bytes};
    End();
    return block;
  }

  static void Add(const Amount& from, Amount& to) {
    to.objects += from.objects;
    to.bytes += from.bytes;
  }

  ThreadLog* log_;
  std::uint32_t owner_;
};

}  // namespace limpet
