// How long single calls take: the tail that an average hides.
//
// Prints name=cycles for p50, p99 and p99.9 of malloc and free.

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::size_t kCalls = 4'000'000;

std::uint64_t Now() {
  unsigned processor = 0;
  std::uint64_t ticks = __rdtscp(&processor);
  _mm_lfence();
  return ticks;
}

void Print(const char* name, std::vector<std::uint32_t>& ticks) {
  for (double quantile : {0.5, 0.99, 0.999}) {
    auto at = ticks.begin() + static_cast<long>(quantile * static_cast<double>(ticks.size()));
    std::nth_element(ticks.begin(), at, ticks.end());
    std::printf("%s_p%g=%u\n", name, quantile * 100, *at);
  }
}

}  // namespace

int main() {
  std::vector<std::uint32_t> allocate(kCalls), release(kCalls);
  std::vector<void*> blocks(256);
  std::uint64_t random = 88172645463325252;
  for (std::size_t i = 0; i < kCalls; ++i) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    void*& block = blocks[random % blocks.size()];
    std::uint64_t began = Now();
    free(block);
    std::uint64_t freed = Now();
    block = malloc(16 + (random >> 40) % 500);
    std::uint64_t ended = Now();
    release[i] = static_cast<std::uint32_t>(freed - began);
    allocate[i] = static_cast<std::uint32_t>(ended - freed);
  }
  Print("malloc", allocate);
  Print("free", release);
}
