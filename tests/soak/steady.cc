// Keeps a working set of blocks in use and renews it at a steady pace, in bursts that are timed one
// by one: what a free costs after ten minutes must be what it cost in the first.
//
//   steady [seconds=600] [periods=60] [threads=1] [live=268435456] [smallest=16] [largest=65536]
//          [pace=1000000000] [interval=524288]
//
// `pace` is of all threads, in bytes a second; 0: as fast as they can. Sizes are log-uniform, which
// block dies next is chance, and one in eight goes to another thread, which frees it.
//
// Prints a line a period: the medians over its bursts of a free and of a malloc, and the processor
// time of everything, in ns; what libc holds for the heap, in bytes. At the end one line with the
// bytes in use and the standard deviation of their estimate at a sampling interval of `interval`;
// then waits for a line, to be looked at.

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kBurst = 256;
constexpr std::size_t kSizes = 4096;  // drawn evenly, so that no drawing has to compute one
constexpr std::size_t kExchangeSlots = 1024;
constexpr int kDepths = 32;
constexpr std::uint64_t kMaxDebtNs = 100'000'000;
constexpr std::size_t kTicks = 1 << 16;  // of a histogram, a tenth of a nanosecond each

struct Block {
  std::uint64_t bytes;
};

// Of one kind of call, over all threads.
struct Histogram {
  std::atomic<std::uint32_t> counts[kTicks];

  void Add(std::uint64_t ns, int calls) {
    std::uint64_t tick = ns * 10 / static_cast<std::uint64_t>(calls);
    counts[std::min<std::uint64_t>(tick, kTicks - 1)].fetch_add(1, std::memory_order_relaxed);
  }
  // Of what was added since the last time.
  double TakeMedian() {
    static std::uint32_t taken[kTicks];  // not from the heap that is measured
    std::uint64_t total = 0, passed = 0;
    for (std::size_t i = 0; i < kTicks; ++i) total += taken[i] = counts[i].exchange(0);
    std::size_t median = 0;
    while (median < kTicks - 1 && (passed += taken[median]) * 2 < total) ++median;
    return static_cast<double>(median) / 10;
  }
};

std::map<std::string, std::uint64_t> g_options = {
    {"seconds", 600}, {"periods", 60},    {"threads", 1},          {"live", 256 << 20},
    {"smallest", 16}, {"largest", 65536}, {"pace", 1'000'000'000}, {"interval", 512 << 10}};
std::uint64_t g_sizes[kSizes];
double g_mean_bytes = 0;
Histogram g_frees, g_mallocs;
std::atomic<Block*> g_exchange[kExchangeSlots];
std::atomic<std::uint64_t> g_renewed = 0, g_renewed_bytes = 0, g_ready = 0;
std::atomic<bool> g_stop = false;

std::uint64_t ReadNs(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void SleepUntil(std::uint64_t ns) {
  timespec until = {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
  }
}

std::uint64_t Next(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

void DrawSizes() {
  double smallest = static_cast<double>(g_options["smallest"]);
  double ratio = static_cast<double>(g_options["largest"]) / smallest, sum = 0;
  for (std::size_t i = 0; i < kSizes; ++i) {
    double bytes = smallest * std::pow(ratio, (static_cast<double>(i) + 0.5) / kSizes);
    g_sizes[i] = static_cast<std::uint64_t>(bytes);
    sum += bytes;
  }
  g_mean_bytes = sum / kSizes;
}

struct Burst {
  std::uint64_t places[kBurst];
  std::uint64_t sizes[kBurst];
  Block* blocks[kBurst];
};

// All its pages, so that what is in use is resident from the first moment.
void Touch(Block* block, std::uint64_t bytes) {
  block->bytes = bytes;
  for (std::uint64_t at = 4096; at < bytes; at += 4096) reinterpret_cast<char*>(block)[at] = 1;
}

// Recursion varies the stacks. The name tells these blocks from all others in a profile.
[[gnu::noinline]] void AllocateBurst(Burst* burst, std::uint64_t depth) {
  if (depth != 0) {
    AllocateBurst(burst, depth - 1);
  } else {
    for (int i = 0; i < kBurst; ++i)
      burst->blocks[i] = static_cast<Block*>(malloc(burst->sizes[i]));
  }
  asm volatile("" ::: "memory");  // no tail call
}

[[gnu::noinline]] void FreeBurst(const Burst& burst) {
  for (Block* block : burst.blocks) free(block);
}

class Worker {
 public:
  Worker(std::uint64_t number, std::uint64_t places)
      : state_((number + 1) * 0x9E3779B97F4A7C15U), count_(places) {
    void* mapped = mmap(nullptr, places * sizeof(void*), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) abort();
    places_ = static_cast<Block**>(mapped);
  }

  void Fill() {
    Burst burst;
    for (std::uint64_t first = 0; first + kBurst <= count_; first += kBurst) {
      for (int i = 0; i < kBurst; ++i) burst.places[i] = first + static_cast<std::uint64_t>(i);
      Allocate(&burst);
    }
  }

  // One burst, the times of which are noted; its bytes.
  std::uint64_t Renew() {
    Burst burst;
    for (int i = 0; i < kBurst; ++i) burst.blocks[i] = TakeOut(&burst.places[i]);
    std::uint64_t began = ReadNs(CLOCK_THREAD_CPUTIME_ID);
    FreeBurst(burst);
    g_frees.Add(ReadNs(CLOCK_THREAD_CPUTIME_ID) - began, kBurst);
    std::uint64_t bytes = Allocate(&burst);
    for (int i = 0; i < kBurst; i += 8) {
      std::atomic<Block*>& other = g_exchange[Next(state_) % kExchangeSlots];
      Block*& own = places_[burst.places[i]];
      own = other.exchange(own);
    }
    return bytes;
  }

  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::uint64_t i = 0; i < count_; ++i) {
      if (places_[i] != nullptr) visit(places_[i]->bytes);
    }
  }

 private:
  // Some place that is not empty, or, early, one that holds nothing yet.
  Block* TakeOut(std::uint64_t* place) {
    for (int tries = 0; tries < 100; ++tries) {
      *place = Next(state_) % count_;
      Block* block = places_[*place];
      places_[*place] = nullptr;
      if (block != nullptr) return block;
    }
    return nullptr;
  }

  std::uint64_t Allocate(Burst* burst) {
    std::uint64_t bytes = 0;
    for (std::uint64_t& size : burst->sizes) bytes += size = g_sizes[Next(state_) % kSizes];
    std::uint64_t depth = Next(state_) % kDepths;
    std::uint64_t began = ReadNs(CLOCK_THREAD_CPUTIME_ID);
    AllocateBurst(burst, depth);
    g_mallocs.Add(ReadNs(CLOCK_THREAD_CPUTIME_ID) - began, kBurst);
    for (int i = 0; i < kBurst; ++i) {
      if (burst->blocks[i] == nullptr) abort();
      Touch(burst->blocks[i], burst->sizes[i]);
      free(places_[burst->places[i]]);  // a place drawn twice, early
      places_[burst->places[i]] = burst->blocks[i];
    }
    return bytes;
  }

  std::uint64_t state_;
  std::uint64_t count_;
  Block** places_;
};

void Work(Worker* worker) {
  worker->Fill();
  ++g_ready;
  double ns_a_byte = 0;
  if (g_options["pace"] != 0)
    ns_a_byte =
        1e9 * static_cast<double>(g_options["threads"]) / static_cast<double>(g_options["pace"]);
  std::uint64_t due = ReadNs(CLOCK_MONOTONIC);
  while (!g_stop.load(std::memory_order_relaxed)) {
    std::uint64_t bytes = worker->Renew();
    g_renewed += kBurst;
    g_renewed_bytes += bytes;
    if (ns_a_byte == 0) continue;
    // What the machine kept us from is not made up for all at once.
    std::uint64_t now = ReadNs(CLOCK_MONOTONIC);
    due = std::max(due + static_cast<std::uint64_t>(static_cast<double>(bytes) * ns_a_byte),
                   now - std::min(now, kMaxDebtNs));
    SleepUntil(due);
  }
}

void ReportPeriods() {
  std::uint64_t periods = g_options["periods"];
  std::uint64_t period_ns = g_options["seconds"] * 1'000'000'000 / periods;
  std::uint64_t began = ReadNs(CLOCK_MONOTONIC), used = ReadNs(CLOCK_PROCESS_CPUTIME_ID);
  g_frees.TakeMedian();  // of filling, too
  g_mallocs.TakeMedian();
  g_renewed = g_renewed_bytes = 0;
  for (std::uint64_t i = 1; i <= periods; ++i) {
    SleepUntil(began + i * period_ns);
    std::uint64_t now_used = ReadNs(CLOCK_PROCESS_CPUTIME_ID);
    auto blocks = static_cast<double>(std::max<std::uint64_t>(g_renewed.exchange(0), 1));
    auto bytes = static_cast<double>(g_renewed_bytes.exchange(0));
    struct mallinfo2 heap = mallinfo2();
    printf("period %.1f free %.1f malloc %.1f cpu %.1f mbs %.0f heap %zu\n",
           static_cast<double>(i * period_ns) / 1e9, g_frees.TakeMedian(), g_mallocs.TakeMedian(),
           static_cast<double>(now_used - used) / blocks,
           bytes * 1e3 / static_cast<double>(period_ns), heap.arena + heap.hblkhd);
    fflush(stdout);
    used = now_used;
  }
}

void ReportLive(const std::vector<Worker>& workers) {
  std::uint64_t bytes = 0, blocks = 0;
  double variance = 0, interval = static_cast<double>(g_options["interval"]);
  auto count = [&](std::uint64_t size) {
    double missed = std::exp(-static_cast<double>(size + 1) / interval);
    bytes += size;
    ++blocks;
    variance += static_cast<double>(size) * static_cast<double>(size) * missed / (1 - missed);
  };
  for (const Worker& worker : workers) worker.ForEach(count);
  for (const std::atomic<Block*>& slot : g_exchange) {
    if (Block* block = slot.load(); block != nullptr) count(block->bytes);
  }
  printf("live %lu blocks %lu sigma %.0f\n", bytes, blocks, std::sqrt(variance));
  fflush(stdout);
}

bool ReadOptions(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    char* value = strchr(arguments[i], '=');
    if (value == nullptr) return false;
    auto option = g_options.find({arguments[i], static_cast<std::size_t>(value - arguments[i])});
    if (option == g_options.end()) return false;
    option->second = strtoull(value + 1, nullptr, 10);
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  if (!ReadOptions(count, arguments)) return 2;
  mallopt(M_TRIM_THRESHOLD, 1 << 30);  // page faults would hide all else
  DrawSizes();
  std::uint64_t threads = g_options["threads"];
  auto places = static_cast<std::uint64_t>(static_cast<double>(g_options["live"]) / g_mean_bytes);
  std::vector<Worker> workers;
  for (std::uint64_t i = 0; i < threads; ++i) workers.emplace_back(i, places / threads);
  std::vector<std::thread> running;
  for (Worker& worker : workers) running.emplace_back(Work, &worker);
  while (g_ready < threads) SleepUntil(ReadNs(CLOCK_MONOTONIC) + 1'000'000);
  ReportPeriods();
  g_stop = true;
  for (std::thread& thread : running) thread.join();
  ReportLive(workers);
  return getchar() == EOF ? 1 : 0;
}
