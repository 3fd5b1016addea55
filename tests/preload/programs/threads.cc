// Threads of every kind, with known blocks.

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

// --- Pairs: one allocates, the other frees ---

constexpr int kPairs = 4;
constexpr unsigned kRing = 256;

struct Pair {
  std::atomic<void*> ring[kRing] = {};
  unsigned blocks = 0;
};
Pair g_pairs[kPairs];

SITE void* Produce(void* argument) {
  auto* pair = static_cast<Pair*>(argument);
  for (unsigned i = 0; i < pair->blocks; ++i) {
    void* block = malloc(1 + i % 128);
    UseBlock(block);
    while (pair->ring[i % kRing].load(std::memory_order_acquire) != nullptr) sched_yield();
    pair->ring[i % kRing].store(block, std::memory_order_release);
  }
  return nullptr;
}

SITE void* Consume(void* argument) {
  auto* pair = static_cast<Pair*>(argument);
  for (unsigned i = 0; i < pair->blocks; ++i) {
    void* block = nullptr;
    while ((block = pair->ring[i % kRing].exchange(nullptr)) == nullptr) sched_yield();
    free(block);
  }
  return nullptr;
}

void RunPairs(unsigned blocks) {
  pthread_t threads[2 * kPairs];
  for (int i = 0; i < kPairs; ++i) {
    g_pairs[i].blocks = blocks;
    pthread_create(&threads[2 * i], nullptr, Produce, &g_pairs[i]);
    pthread_create(&threads[2 * i + 1], nullptr, Consume, &g_pairs[i]);
  }
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("done");
  WaitForTest();
}

// --- Ends: a thread may stop in four ways; its destructors run in each ---

std::atomic<int> g_destroyed = 0;
std::atomic<int> g_ended = 0;

struct Owner {
  void* block;
  SITE Owner() : block(malloc(60)) { UseBlock(block); }
  ~Owner() {
    free(block);
    g_destroyed.fetch_add(1);
  }
};

enum class End : long { kReturn, kExit, kCancelled, kDetached };

SITE void* EndingThread(void* argument) {
  Owner owner;
  switch (static_cast<End>(reinterpret_cast<long>(argument))) {
    case End::kReturn:
      return argument;
    case End::kExit:
      pthread_exit(argument);
    case End::kCancelled:
      for (;;) pause();
    case End::kDetached:
      pthread_detach(pthread_self());
      g_ended.fetch_add(1);
      return nullptr;
  }
  return nullptr;
}

void RunOneEnd(End end) {
  pthread_t thread;
  void* result = nullptr;
  auto* argument = reinterpret_cast<void*>(static_cast<long>(end));
  Require(pthread_create(&thread, nullptr, EndingThread, argument) == 0, "a thread starts");
  if (end == End::kDetached) return;
  if (end == End::kCancelled) pthread_cancel(thread);
  Require(pthread_join(thread, &result) == 0, "a thread is joined");
  Require(result == (end == End::kCancelled ? PTHREAD_CANCELED : argument), "its result is kept");
}

void RunEnds() {
  constexpr int kRounds = 50;
  for (int i = 0; i < kRounds; ++i) {
    for (End end : {End::kReturn, End::kExit, End::kCancelled, End::kDetached}) RunOneEnd(end);
  }
  while (g_ended.load() < kRounds || g_destroyed.load() < 3 * kRounds) sched_yield();
  usleep(100'000);  // a detached thread cannot be waited for
  Say("destroyed %d", g_destroyed.load());
  WaitForTest();
}

// --- Many short ones, whose destructors free and allocate after the thread's own end ---

pthread_key_t g_key;

SITE void KeyDestructor(void* block) {
  static thread_local int rounds = 0;
  free(block);
  if (++rounds < 3) pthread_setspecific(g_key, malloc(24));
}

struct LateOwner {
  void* block = nullptr;
  SITE ~LateOwner() {
    free(block);
    void* another = malloc(48);
    UseBlock(another);  // or the compiler leaves the pair out
    free(another);
  }
};

// Apart from the thread's function, where libc allocates for the destructor.
SITE void* ShortAllocates(size_t bytes) {
  void* block = malloc(bytes);
  UseBlock(block);
  return block;
}

void* ShortThread(void*) {
  static thread_local LateOwner late;
  late.block = ShortAllocates(32);
  pthread_setspecific(g_key, ShortAllocates(24));
  return nullptr;
}

int CountLines(const char* path) {
  char text[4096];
  int lines = 0;
  FILE* file = fopen(path, "r");
  while (fgets(text, sizeof(text), file) != nullptr) ++lines;
  fclose(file);
  return lines;
}

long ResidentKiB() {
  char text[256];
  long kib = 0;
  FILE* file = fopen("/proc/self/status", "r");
  while (fgets(text, sizeof(text), file) != nullptr) {
    if (strncmp(text, "VmRSS:", 6) == 0) kib = atol(text + 6);
  }
  fclose(file);
  return kib;
}

void RunShortThreads(int count) {
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    Require(pthread_create(&thread, nullptr, ShortThread, nullptr) == 0, "a thread starts");
    pthread_join(thread, nullptr);
  }
}

void RunMany(int count) {
  pthread_key_create(&g_key, KeyDestructor);
  RunShortThreads(100);
  int maps = CountLines("/proc/self/maps");
  long resident = ResidentKiB();
  RunShortThreads(count - 100);
  Require(CountLines("/proc/self/maps") <= maps + 2, "mappings do not grow with threads");
  Require(ResidentKiB() <= resident + 4096, "memory does not grow with threads");
  Say("done");
  WaitForTest();
}

// --- Threads that allocate once or twice in their life ---

constexpr size_t kHalfSampledBytes = 2838;  // 4096 ln 2 with the byte that is charged besides

SITE void AllocateFirst() { UseBlock(malloc(kHalfSampledBytes)); }
SITE void AllocateSecond() {
  asm volatile("nop");  // or the compiler makes one function of both
  UseBlock(malloc(kHalfSampledBytes));
}

void* TwoBlockThread(void*) {
  AllocateFirst();
  AllocateSecond();
  return nullptr;
}

void RunTwoBlocks(int count) {
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    Require(pthread_create(&thread, nullptr, TwoBlockThread, nullptr) == 0, "a thread starts");
    pthread_join(thread, nullptr);
  }
  Say("done");
  WaitForTest();
}

// --- The smallest stack that a thread may have ---

SITE void SmallAllocates() {
  for (int i = 0; i < 100; ++i) {
    void* block = malloc(static_cast<size_t>(10 + i));
    UseBlock(block);
    free(block);
  }
}

// A child starts its segment in this very thread.
void* SmallThread(void*) {
  SmallAllocates();
  int pid = fork();
  if (pid == 0) {
    StartWatchdog();
    SmallAllocates();
    Say("child %d", getpid());
    WaitForTest();
    _exit(0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  Require(status == 0, "the child with a small stack lives");
  return nullptr;
}

void RunSmallStack() {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, static_cast<size_t>(sysconf(_SC_THREAD_STACK_MIN)));
  Require(pthread_create(&thread, &attributes, SmallThread, nullptr) == 0, "a small thread starts");
  pthread_join(thread, nullptr);
  Say("done");
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  StartWatchdog();
  if (IsMode(arguments[1], "pairs")) RunPairs(static_cast<unsigned>(atoi(arguments[2])));
  if (IsMode(arguments[1], "ends")) RunEnds();
  if (IsMode(arguments[1], "many")) RunMany(atoi(arguments[2]));
  if (IsMode(arguments[1], "two_blocks")) RunTwoBlocks(atoi(arguments[2]));
  if (IsMode(arguments[1], "small_stack")) RunSmallStack();
}
