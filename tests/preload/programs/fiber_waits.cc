// Waits on fibers: stacks that go on elsewhere, or never, and are unmapped.
//
//   fiber_waits HOW    says "ready" once another fiber has waited, or a jump was made, after that

#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kStackBytes = 64 << 10;

struct Fiber {
  ucontext_t own;
  ucontext_t* resumer;
  void* stack;
};

void Make(Fiber& fiber, void (*body)()) {
  fiber.stack =
      mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Require(fiber.stack != MAP_FAILED, "there is memory");
  getcontext(&fiber.own);
  fiber.own.uc_stack = {fiber.stack, 0, kStackBytes};
  fiber.own.uc_link = nullptr;
  makecontext(&fiber.own, body, 0);
}

void Resume(Fiber& fiber) {
  ucontext_t here;
  fiber.resumer = &here;
  swapcontext(&here, &fiber.own);
}

void Unmap(Fiber& fiber) { munmap(fiber.stack, kStackBytes); }

Fiber g_first, g_second;

void Suspend(Fiber& fiber) { swapcontext(&fiber.own, fiber.resumer); }

// --- Suspended in the middle of a read of a stream ---

ssize_t SuspendInRead(void*, char*, size_t) { return Suspend(g_first), 0; }

void ReadStream() {
  cookie_io_functions_t functions = {};
  functions.read = SuspendInRead;
  FILE* stream = fopencookie(nullptr, "r", functions);
  char byte = 0;
  Require(fread(&byte, 1, 1, stream) == 0, "the stream ends");
  Suspend(g_first);
}

// --- Suspended in the middle of what is done once ---

pthread_once_t g_once = PTHREAD_ONCE_INIT;

void SuspendInOnce() { Suspend(g_first); }

void DoOnce() {
  pthread_once(&g_once, SuspendInOnce);
  Suspend(g_first);
}

void Sleep() {
  usleep(1000);
  Suspend(g_second);
}

// The first fiber is given up in the middle of its call.
void Abandon(void (*body)()) {
  Make(g_first, body);
  Make(g_second, Sleep);
  Resume(g_first);
  Unmap(g_first);
}

void WaitOnAnother() { Resume(g_second); }

void Jump() {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) == 0) siglongjmp(here, 1);
}

void* FinishFirst(void*) {
  Resume(g_first);
  Unmap(g_first);
  return nullptr;
}

// --- Ended in another thread, which itself waits for the main thread ---

std::atomic<bool> g_is_ended = false;

void* FinishAndPause(void*) {
  pthread_setname_np(pthread_self(), "finisher");
  FinishFirst(nullptr);
  g_is_ended = true;
  return pause(), nullptr;
}

void EndElsewhere(void (*body)(), void* (*finish)(void*)) {
  Make(g_first, body);
  Make(g_second, Sleep);
  Resume(g_first);
  pthread_t thread;
  pthread_create(&thread, nullptr, finish, nullptr);
  if (finish == FinishFirst) pthread_join(thread, nullptr);
  while (finish != FinishFirst && !g_is_ended) usleep(1000);
  WaitOnAnother();
}

void* Return(void*) { return nullptr; }

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(count == 2, "an argument");
  pthread_t thread;
  pthread_create(&thread, nullptr, Return, nullptr);
  pthread_join(thread, nullptr);
  if (IsMode(arguments[1], "wait_after_stream")) Abandon(ReadStream), WaitOnAnother();
  if (IsMode(arguments[1], "jump_after_stream")) Abandon(ReadStream), Jump();
  if (IsMode(arguments[1], "wait_after_once")) Abandon(DoOnce), WaitOnAnother();
  if (IsMode(arguments[1], "once_elsewhere")) EndElsewhere(DoOnce, FinishFirst);
  if (IsMode(arguments[1], "stream_elsewhere")) EndElsewhere(ReadStream, FinishFirst);
  if (IsMode(arguments[1], "goes_on_elsewhere")) EndElsewhere(ReadStream, FinishAndPause);
  Say("ready");
  WaitForTest();
  _exit(0);
}
