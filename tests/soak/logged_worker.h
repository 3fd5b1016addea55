// One thread of a soak: allocates, resizes and frees by chance, blocks crossing between workers.
//
//   Root<owner> -> Worker::Step -> Deep ... -> malloc
//        ^ the return address of Step in Root<owner> is the mark of all stacks of this owner
//
// Runs: programs of the soak.  Threads: one each; the exchange is shared.  Allocates: it is what it
// is for.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

#include "tests/soak/call_log.h"
#include "tests/soak/logged_heap.h"

namespace limpet {

inline std::atomic<Block*> g_exchange[256];

inline std::uint64_t NextRandom(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

class Worker {
 public:
  Worker(ProcessLog* process, std::uint32_t owner, std::uint64_t seed)
      : owner_(owner),
        heap_(&process->threads[owner], owner),
        state_((seed + owner + 1) * 0x9E3779B97F4A7C15U) {}

  // A burst of calls. From Root only: its caller is the mark.
  [[gnu::noinline]] void Step() {
    heap_.log().mark.store(reinterpret_cast<std::uint64_t>(__builtin_return_address(0)));
    for (int i = 0; i < kBurst; ++i) ChangeOne(NextRandom(state_));
  }

  void FreeAll() {
    for (Block*& block : own_) {
      if (block != nullptr) heap_.Free(std::exchange(block, nullptr));
    }
  }

  std::uint64_t Random() { return NextRandom(state_); }
  std::uint32_t owner() const { return owner_; }
  void SetPlugin(PluginAllocate plugin) { plugin_ = plugin; }

 private:
  static constexpr int kBurst = 32;
  static constexpr std::uint64_t kOwnBlocks = 128;

  // Sizes as programs have them: mostly small, now and then large.
  static std::uint64_t SizeOf(std::uint64_t random) {
    if (random % 256 == 0) return 64 + random / 256 % 4000 * 64;
    return 16 + random / 256 % (random % 16 == 0 ? 4096 : 256);
  }

  void ChangeOne(std::uint64_t random) {
    Block*& place = own_[random % kOwnBlocks];
    if (place == nullptr) {
      place = Deep(random >> 8, random >> 61);
    } else if (random >> 60 == 0) {
      place = g_exchange[random >> 8 & 255].exchange(place);
    } else if (random >> 60 == 1 && place->way != Way::kNew) {
      place = heap_.Resize(place, SizeOf(random >> 8));
    } else {
      heap_.Free(std::exchange(place, nullptr));
    }
  }

  // Recursion varies the stacks.
  [[gnu::noinline]] Block* Deep(std::uint64_t random, std::uint64_t depth) {
    Block* block = depth == 0 ? AllocateOne(random) : Deep(random, depth - 1);
    asm volatile("" : "+r"(block));
    return block;
  }

  Block* AllocateOne(std::uint64_t random) {
    auto way = plugin_ != nullptr ? Way::kPlugin : static_cast<Way>(random % kOwnWays);
    std::uint64_t bytes = SizeOf(random >> 8);
    return heap_.Allocate(way == Way::kAligned ? (bytes + 63) & ~63UL : bytes, way, plugin_);
  }

  std::uint32_t owner_;
  LoggedHeap heap_;
  std::uint64_t state_;
  PluginAllocate plugin_ = nullptr;
  Block* own_[kOwnBlocks] = {};
};

// Asked between bursts; what it allocates itself is nobody's.
using GoesOn = bool (*)(Worker& worker);

// The assembly makes each another function, which a compiler could otherwise take for one.
template <std::uint32_t kOwner>
[[gnu::noinline]] void Root(Worker& worker, GoesOn goes_on) {
  while (goes_on(worker)) {
    worker.Step();
    asm volatile("" ::"i"(kOwner) : "memory");
  }
}

using RootFunction = void (*)(Worker&, GoesOn);

template <std::uint32_t... kOwners>
constexpr auto MakeRoots(std::integer_sequence<std::uint32_t, kOwners...>) {
  return std::array<RootFunction, sizeof...(kOwners)>{Root<kOwners>...};
}
inline constexpr auto kRoots = MakeRoots(std::make_integer_sequence<std::uint32_t, kMaxOwners>());

inline void Run(Worker& worker, GoesOn goes_on) { kRoots[worker.owner()](worker, goes_on); }

}  // namespace limpet
