// Allocates where a stack is not what it usually is.

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kFiberStackBytes = 64 << 10;
constexpr int kFibers = 8;
constexpr int kTurns = 50;

void* MapMemory(size_t bytes, int protection) {
  void* memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Require(memory != MAP_FAILED, "there is memory");
  return memory;
}

// --- Fibers, which go on in whatever thread takes them up ---

struct Fiber {
  ucontext_t own;
  ucontext_t* resumer;
  void* stack;
};
Fiber g_fibers[kFibers];

SITE void FiberAllocates() {
  void* block = malloc(30);
  UseBlock(block);
  free(block);
}

SITE void FiberBody(int index) {
  Fiber& fiber = g_fibers[index];
  for (int turn = 0; turn < kTurns; ++turn) {
    FiberAllocates();
    swapcontext(&fiber.own, fiber.resumer);
  }
}

SITE void Resume(Fiber& fiber) {
  ucontext_t here;
  fiber.resumer = &here;
  swapcontext(&here, &fiber.own);
}

void* ResumeAll(void*) {
  for (Fiber& fiber : g_fibers) Resume(fiber);
  return nullptr;
}

void MakeFiber(int index) {
  Fiber& fiber = g_fibers[index];
  fiber.stack = MapMemory(kFiberStackBytes, PROT_READ | PROT_WRITE);
  getcontext(&fiber.own);
  fiber.own.uc_stack = {fiber.stack, 0, kFiberStackBytes};
  fiber.own.uc_link = nullptr;
  makecontext(&fiber.own, reinterpret_cast<void (*)()>(FiberBody), 1, index);
}

void RunFibers() {
  for (int i = 0; i < kFibers; ++i) MakeFiber(i);
  for (int turn = 0; turn < kTurns; ++turn) {
    pthread_t thread;
    if (turn % 2 == 0) {
      ResumeAll(nullptr);
      continue;
    }
    pthread_create(&thread, nullptr, ResumeAll, nullptr);
    pthread_join(thread, nullptr);
  }
  for (Fiber& fiber : g_fibers) munmap(fiber.stack, kFiberStackBytes);
}

// --- Deep recursion ---

SITE void DeepAllocates() {
  void* block = malloc(20);
  UseBlock(block);
  free(block);
}

SITE int Recurse(int levels) {
  if (levels % 1000 == 0) DeepAllocates();
  int below = levels == 0 ? 0 : Recurse(levels - 1);
  asm volatile("" : "+r"(below));
  return below + 1;
}

void* RunDeep(void*) {
  Require(Recurse(100'000) == 100'001, "recursion comes back");
  return nullptr;
}

void RunDeepThread() {
  pthread_t thread;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 20);
  pthread_create(&thread, &attributes, RunDeep, nullptr);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

// --- Code that no table describes, with its frame pointer used for what it likes ---

SITE void CalledByBareCode() {
  for (int i = 0; i < 5; ++i) UseBlock(malloc(90));
}

// push rbp; sub rsp, 32; mov rbp, rsi; call rdi; add rsp, 32; pop rbp; ret
constexpr unsigned char kBareCode[] = {0x55, 0x48, 0x83, 0xec, 0x20, 0x48, 0x89, 0xf5,
                                       0xff, 0xd7, 0x48, 0x83, 0xc4, 0x20, 0x5d, 0xc3};

SITE void CallsBareCode(void* code, unsigned long frame_pointer) {
  reinterpret_cast<void (*)(void (*)(), unsigned long)>(code)(CalledByBareCode, frame_pointer);
  asm volatile("");
}

void RunBareCode() {
  void* code = MapMemory(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  memcpy(code, kBareCode, sizeof(kBareCode));
  auto here = reinterpret_cast<unsigned long>(__builtin_frame_address(0));
  const unsigned long wild[] = {0, 1, 8, here - 8, here + 16, here + (1ul << 40), ~0ul, ~7ul};
  for (unsigned long frame_pointer : wild) CallsBareCode(code, frame_pointer);
}

}  // namespace

int main() {
  StartWatchdog();
  RunFibers();
  RunDeepThread();
  RunBareCode();
  Say("ready");
  WaitForTest();
}
