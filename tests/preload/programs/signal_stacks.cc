// What calls that a signal handler may make take of a small signal stack.
//
//   signal_stacks    says "small BYTES", "large BYTES": the most that one took of each, and "ready"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr size_t kMappedBytes = 64 << 10;
constexpr unsigned char kPaint = 0xA5;

char g_byte;
sem_t g_semaphore;  // that another thread waits for
const timespec kShort = {.tv_sec = 0, .tv_nsec = 1};

// Answers that nobody looks at: each returns at once.
template <class Result>
void Ignore(Result) {}

constexpr void (*kCalls[])() = {
    [] { Ignore(write(-1, &g_byte, 1)); },
    [] { Ignore(read(-1, &g_byte, 1)); },
    [] { Ignore(open("/no/such/file", O_RDONLY)); },
    [] { Ignore(close(-1)); },
    [] { Ignore(fcntl(-1, F_SETLKW, nullptr)); },
    [] { Ignore(fsync(-1)); },
    [] { Ignore(poll(nullptr, 0, 0)); },
    [] {
      timeval none = {};
      Ignore(select(0, nullptr, nullptr, nullptr, &none));
    },
    [] { Ignore(recv(-1, &g_byte, 1, 0)); },
    [] { Ignore(send(-1, &g_byte, 1, 0)); },
    [] { Ignore(accept(-1, nullptr, nullptr)); },
    [] { Ignore(waitpid(-1, nullptr, WNOHANG)); },
    [] { Ignore(nanosleep(&kShort, nullptr)); },
    [] { Ignore(sem_post(&g_semaphore)); },
    [] { Ignore(clock_nanosleep(CLOCK_MONOTONIC, 0, &kShort, nullptr)); },
};

void (*g_call)() = nullptr;

void Handle(int) {
  if (g_call != nullptr) g_call();
}

// The part of a stack of that many bytes, at the high end of `memory`, that a signal took.
size_t TakenOf(unsigned char* memory, size_t bytes, void (*call)()) {
  unsigned char* stack = memory + kMappedBytes - bytes;
  stack_t signal_stack = {.ss_sp = stack, .ss_flags = 0, .ss_size = bytes};
  Require(sigaltstack(&signal_stack, nullptr) == 0, "a signal stack");
  memset(memory, kPaint, kMappedBytes);
  g_call = call;
  raise(SIGUSR1);
  size_t untouched = 0;
  while (memory[untouched] == kPaint) ++untouched;
  Require(untouched >= kMappedBytes - bytes, "a signal stays on its stack");
  return kMappedBytes - untouched;
}

void Measure(const char* name, unsigned char* memory, size_t bytes) {
  const size_t nothing = TakenOf(memory, bytes, nullptr);
  size_t most = 0;
  for (auto call : kCalls) {
    const size_t taken = TakenOf(memory, bytes, call) - nothing;
    if (taken > most) most = taken;
  }
  Say("%s %zu", name, most);
}

[[noreturn]] void* AwaitPosts(void*) {
  for (;;) sem_wait(&g_semaphore);
}

// Posting is noted where somebody waits.
void StartWaiter() {
  pthread_t thread;
  pthread_create(&thread, nullptr, AwaitPosts, nullptr);
  uint64_t value = 0;
  while (value >> 32 == 0) memcpy(&value, &g_semaphore, sizeof(value));
}

}  // namespace

int main() {
  StartWatchdog();
  StartWaiter();
  struct sigaction action = {};
  action.sa_handler = Handle;
  action.sa_flags = SA_ONSTACK;
  sigaction(SIGUSR1, &action, nullptr);
  auto* memory = static_cast<unsigned char*>(
      mmap(nullptr, kMappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  Measure("large", memory, kMappedBytes);
  const auto least = static_cast<size_t>(sysconf(_SC_MINSIGSTKSZ));
  Measure("small", memory, least + 1024);
  Say("ready");
  WaitForTest();
  _exit(0);
}
