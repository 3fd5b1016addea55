// Allocates and frees as fast as it can in several threads, blocks crossing between them, with a
// fork every second whose child allocates in a thread of its own. At the end everything it
// allocated is freed.
//
//   churn SECONDS THREADS
//
// Prints how many allocations it made and waits for a line, so that a reader can look at it.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kExchangeSlots = 4096;
constexpr int kOwnSlots = 256;

std::atomic<void*> g_exchange[kExchangeSlots];
std::atomic<bool> g_stop = false;
std::atomic<std::uint64_t> g_allocations = 0;

std::uint64_t Next(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

// Sizes as programs have them: mostly small, now and then large.
std::size_t SizeOf(std::uint64_t random) {
  if (random % 1000 == 0) return random % 300'000;
  return random % 16 == 0 ? random % 4096 : random % 256;
}

[[gnu::noinline]] void* ChurnAllocate(std::uint64_t random) {
  std::size_t bytes = SizeOf(random >> 8);
  switch (random % 8) {
    case 0:
      return calloc(1, bytes);
    case 1:
      return aligned_alloc(64, (bytes + 63) & ~std::size_t{63});
    case 2:
      return operator new(bytes, std::nothrow);
    default:
      return malloc(bytes);
  }
}

[[gnu::noinline]] void* ChurnResize(void* block, std::uint64_t random) {
  void* resized = realloc(block, SizeOf(random >> 8) + 1);
  return resized == nullptr ? block : resized;
}

// Recursion varies the stacks.
[[gnu::noinline]] void* ChurnDeep(std::uint64_t random, int depth) {
  void* block = depth == 0 ? ChurnAllocate(random) : ChurnDeep(random, depth - 1);
  asm volatile("" : "+r"(block));
  return block;
}

void Churn(std::uint64_t seed) {
  void* own[kOwnSlots] = {};
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1, made = 0;
  while (!g_stop.load(std::memory_order_relaxed)) {
    std::uint64_t random = Next(state);
    void*& slot = own[random % kOwnSlots];
    if (random >> 60 == 0 && slot != nullptr) {
      slot = ChurnResize(slot, random);
    } else {
      free(slot);
      slot = ChurnDeep(random, static_cast<int>(random >> 56 & 31));
      if (random >> 61 == 1) slot = g_exchange[random % kExchangeSlots].exchange(slot);
    }
    ++made;
  }
  for (void* block : own) free(block);
  g_allocations += made;
}

void ForkChild() {
  pid_t pid = fork();
  if (pid == 0) {
    alarm(30);
    std::thread([] {
      std::vector<void*> blocks;
      for (int i = 0; i < 2000; ++i)
        blocks.push_back(ChurnAllocate(static_cast<std::uint64_t>(i) * 7919));
      for (void* block : blocks) free(block);
    }).join();
    exit(0);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
    fprintf(stderr, "churn: child ended with status %d\n", status);
    abort();
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  int seconds = atoi(arguments[1]), threads = atoi(arguments[2]);
  auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  {
    std::vector<std::thread> churners;
    for (int i = 0; i < threads; ++i) churners.emplace_back(Churn, i + 1);
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::seconds(1));
      ForkChild();
    }
    g_stop = true;
    for (std::thread& churner : churners) churner.join();
  }
  for (auto& slot : g_exchange) free(slot.exchange(nullptr));
  printf("ready %lu allocations\n", g_allocations.load());
  fflush(stdout);
  return getchar() == EOF ? 1 : 0;
}
