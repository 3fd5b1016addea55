// What allocators and profilers are compared on: one program, a workload a name.
//
//   workloads NAME [PARTS]      a workload at PARTS hundredths of its full size (default 100)
//
// Each takes about half a second without any preload, allocates by libc's malloc or operator new,
// and prints a sum that depends on all it did.

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

using Sum = std::uint64_t;

// The compiler must believe that the block is used, else it leaves malloc and free out.
void Use(void* block) { asm volatile("" : : "g"(block) : "memory"); }

struct Xorshift {
  std::uint64_t state;
  std::uint64_t Next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
};

Sum Pairs(std::uint64_t parts) {
  for (std::uint64_t i = 0; i < parts * 600'000; ++i) {
    void* block = malloc(48);
    Use(block);
    free(block);
  }
  return parts;
}

Sum NewDelete(std::uint64_t parts) {
  for (std::uint64_t i = 0; i < parts * 500'000; ++i) {
    auto* block = new std::array<char, 24>;
    Use(block);
    delete block;
  }
  return parts;
}

// Larson's server: random slots are replaced by blocks of random size.
void ReplaceSlots(std::uint64_t steps, std::uint64_t seed) {
  std::vector<void*> slots(1000);
  Xorshift random{seed};
  for (std::uint64_t i = 0; i < steps; ++i) {
    std::uint64_t bits = random.Next();
    void*& slot = slots[bits % slots.size()];
    free(slot);
    slot = malloc(8 + (bits >> 32) % 1000);
    Use(slot);
  }
  for (void* slot : slots) free(slot);
}

Sum Replace(std::uint64_t parts) {
  std::thread other(ReplaceSlots, parts * 150'000, 12345);
  ReplaceSlots(parts * 150'000, 67890);
  other.join();
  return parts;
}

[[gnu::noinline]] void Descend(int levels, int pairs) {
  if (levels > 0) {
    Descend(levels - 1, pairs);
    Use(&levels);  // no tail call
    return;
  }
  for (int i = 0; i < pairs; ++i) {
    void* block = malloc(64);
    Use(block);
    free(block);
  }
}

Sum DeepStacks(std::uint64_t parts) {
  for (std::uint64_t i = 0; i < parts * 30'000; ++i) Descend(40, 8);
  return parts;
}

Sum MapsAndStrings(std::uint64_t parts) {
  std::map<std::string, std::vector<int>> map;
  Xorshift random{7};
  Sum sum = 0;
  for (std::uint64_t i = 0; i < parts * 7'000; ++i) {
    std::string key = "a key long enough for the heap " + std::to_string(random.Next() % 10'000);
    std::vector<int>& values = map[key];
    values.push_back(static_cast<int>(i));
    if (values.size() > 20) map.erase(key);
    sum += map.size();
  }
  return sum;
}

// A ring of one producer and one consumer; every block is freed by the other thread.
class Ring {
 public:
  void Push(void* block) {
    while (pushed_.load(std::memory_order_relaxed) - popped_.load(std::memory_order_acquire) ==
           kSlots)
      sched_yield();
    std::uint64_t at = pushed_.load(std::memory_order_relaxed);
    slots_[at % kSlots] = block;
    pushed_.store(at + 1, std::memory_order_release);
  }
  void* Pop() {
    std::uint64_t at = popped_.load(std::memory_order_relaxed);
    while (pushed_.load(std::memory_order_acquire) == at) sched_yield();
    void* block = slots_[at % kSlots];
    popped_.store(at + 1, std::memory_order_release);
    return block;
  }

 private:
  static constexpr std::uint64_t kSlots = 1024;
  std::array<void*, kSlots> slots_ = {};
  alignas(64) std::atomic<std::uint64_t> pushed_ = 0;
  alignas(64) std::atomic<std::uint64_t> popped_ = 0;
};

Sum ProducerConsumer(std::uint64_t parts) {
  static Ring ring;
  const std::uint64_t blocks = parts * 150'000;
  std::thread consumer([&] {
    for (std::uint64_t i = 0; i < blocks; ++i) free(ring.Pop());
  });
  for (std::uint64_t i = 0; i < blocks; ++i) ring.Push(malloc(100 + i % 50));
  consumer.join();
  return parts;
}

Sum ReallocGrowth(std::uint64_t parts) {
  Sum sum = 0;
  for (std::uint64_t i = 0; i < parts * 12'000; ++i) {
    char* text = nullptr;
    std::size_t bytes = 16;
    for (; bytes < 64 << 10; bytes += bytes / 4 + i % 7) {
      text = static_cast<char*>(realloc(text, bytes));
      text[bytes - 1] = 'x';
    }
    sum += static_cast<Sum>(text[15]);
    free(text);
  }
  return sum;
}

// At each of 17 levels one of two functions: 2^17 ways down, each a stack.
[[gnu::noinline]] void* OnEvenPath(std::uint32_t path, int levels);
[[gnu::noinline]] void* OnOddPath(std::uint32_t path, int levels);

void* Branch(std::uint32_t path, int levels) {
  void* block = nullptr;
  if (levels == 0)
    block = malloc(32);
  else if ((path & 1) != 0)
    block = OnOddPath(path >> 1, levels - 1);
  else
    block = OnEvenPath(path >> 1, levels - 1);
  Use(block);
  return block;
}
void* OnEvenPath(std::uint32_t path, int levels) { return Branch(path, levels); }
void* OnOddPath(std::uint32_t path, int levels) { return Branch(path, levels); }

Sum DistinctStacks(std::uint64_t parts) {
  constexpr std::uint32_t kStacks = 100'000;
  std::vector<void*> blocks(kStacks);
  for (std::uint64_t i = 0; i < parts * 60'000; ++i) {
    void*& block = blocks[i % kStacks];
    free(block);
    block = Branch(static_cast<std::uint32_t>(i % kStacks), 17);
  }
  for (void* block : blocks) free(block);
  return parts;
}

// A heap of many live blocks while others come and go.
Sum LiveHeap(std::uint64_t parts) {
  std::vector<void*> live(1'000'000);
  Xorshift random{99};
  for (void*& block : live) block = malloc(100);
  for (std::uint64_t i = 0; i < parts * 50'000; ++i) {
    void*& block = live[random.Next() % live.size()];
    free(block);
    block = malloc(100);
  }
  for (void* block : live) free(block);
  return parts;
}

struct Workload {
  const char* name;
  Sum (*run)(std::uint64_t parts);
};
constexpr Workload kWorkloads[] = {
    {"pairs", Pairs},           {"newdelete", NewDelete},   {"replace", Replace},
    {"deep", DeepStacks},       {"maps", MapsAndStrings},   {"prodcons", ProducerConsumer},
    {"realloc", ReallocGrowth}, {"stacks", DistinctStacks}, {"live", LiveHeap},
};

}  // namespace

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  const long parts = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 100;
  for (const Workload& workload : kWorkloads) {
    if (std::strcmp(workload.name, name) != 0 || parts <= 0) continue;
    std::printf("%s %llu\n", name,
                static_cast<unsigned long long>(workload.run(static_cast<Sum>(parts))));
    return 0;
  }
  std::fprintf(stderr, "usage: workloads NAME [PARTS], NAME one of:");
  for (const Workload& workload : kWorkloads) std::fprintf(stderr, " %s", workload.name);
  std::fprintf(stderr, "\n");
  return 2;
}
