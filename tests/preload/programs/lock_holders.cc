// Allocates under the locks of the loader, of libgcc and of a thread, as the code that holds them
// does.
//
//   iterate           under the loader's lock, waiting for another thread's first sample
//   load PATH SECONDS while plug-ins come and go and objects are listed
//   throw ROUNDS      while code registers its unwind tables and throws through it
//   attributes        while threads are asked for their stacks

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <atomic>

#include "tests/preload/programs/stage.h"

extern "C" {
void __register_frame(void*);
void __deregister_frame(void*);
}

namespace {

constexpr int kThreads = 4;
std::atomic<bool> g_is_over = false;

SITE void AllocateHere(int count) {
  for (int i = 0; i < count; ++i) {
    void* block = malloc(80);
    UseBlock(block);
    free(block);
  }
}

// --- The loader's lock ---

void* AllocateForOther(void*) {
  AllocateHere(10);
  return nullptr;
}

int WaitForOther(dl_phdr_info*, size_t, void*) {
  pthread_t other;
  alarm(10);
  Require(pthread_create(&other, nullptr, AllocateForOther, nullptr) == 0, "a thread starts");
  pthread_join(other, nullptr);
  StartWatchdog();
  AllocateHere(10);
  return 1;  // one object is enough
}

void Iterate() {
  dl_iterate_phdr(WaitForOther, nullptr);
  Say("ready");
  WaitForTest();
}

int AllocateForObject(dl_phdr_info*, size_t, void*) {
  AllocateHere(1);
  return 0;
}

void* IterateOn(void*) {
  while (!g_is_over) dl_iterate_phdr(AllocateForObject, nullptr);
  return nullptr;
}

void* AllocateOn(void*) {
  while (!g_is_over) AllocateHere(100);
  return nullptr;
}

void* LoadOn(void* path) {
  while (!g_is_over) {
    void* library = dlopen(static_cast<const char*>(path), RTLD_NOW | RTLD_LOCAL);
    Require(library != nullptr, "the plug-in loads");
    Require(dlsym(library, "no_such_symbol") == nullptr && dlerror() != nullptr, "dlerror tells");
    reinterpret_cast<void (*)()>(dlsym(library, "PluginAllocates"))();
    dlclose(library);
  }
  return nullptr;
}

void LoadWhileOthersWork(char* path, int seconds) {
  void* (*const work[])(void*) = {LoadOn, IterateOn, AllocateOn, AllocateOn};
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; ++i) pthread_create(&threads[i], nullptr, work[i], path);
  sleep(static_cast<unsigned>(seconds));
  g_is_over = true;
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("ready");
  WaitForTest();
}

// --- libgcc's lock: it allocates under it when it sorts what was registered ---

// push rbp; mov rbp, rsp; call rdi; pop rbp; ret
constexpr unsigned char kCode[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};

// A CIE, an FDE of that code, and the end.
struct [[gnu::packed]] UnwindTable {
  unsigned cie_bytes = 20;
  unsigned cie_id = 0;
  unsigned char cie[16] = {1, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1};
  unsigned fde_bytes = 36;
  unsigned to_cie = 28;
  void* start;
  unsigned long bytes = sizeof(kCode);
  unsigned char fde[16] = {0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x43, 0x0c, 7, 8};
  unsigned end = 0;
};

void* MakeCode() {
  void* code =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(code, kCode, sizeof(kCode));
  return code;
}

SITE void Throws() { throw 42; }

void ThrowThrough(void* code) {
  int caught = 0;
  try {
    reinterpret_cast<void (*)(void (*)())>(code)(Throws);
  } catch (int value) {
    caught = value;
  }
  Require(caught == 42, "the exception is caught");
}

void* ThrowOften(void* rounds) {
  void* code = MakeCode();
  for (long i = 0; i < reinterpret_cast<long>(rounds); ++i) {
    UnwindTable table{.start = code};
    __register_frame(&table);
    AllocateHere(3);
    ThrowThrough(code);
    __deregister_frame(&table);
  }
  return nullptr;
}

void ThrowInThreads(long rounds) {
  pthread_t threads[kThreads];
  for (pthread_t& thread : threads)
    pthread_create(&thread, nullptr, ThrowOften, reinterpret_cast<void*>(rounds));
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("ready");
  WaitForTest();
}

// --- A thread's own lock: pthread_getattr_np allocates under it ---

void AskForStack(pthread_t thread) {
  pthread_attr_t attributes;
  void* stack = nullptr;
  size_t bytes = 0;
  Require(pthread_getattr_np(thread, &attributes) == 0, "a thread has attributes");
  Require(pthread_attr_getstack(&attributes, &stack, &bytes) == 0 && bytes != 0, "and a stack");
  pthread_attr_destroy(&attributes);
}

void* AskForOwnStack(void* main) {
  for (int i = 0; i < 20; ++i) {
    AskForStack(pthread_self());
    AskForStack(*static_cast<pthread_t*>(main));
  }
  return nullptr;
}

void AskForStacks() {
  pthread_t main = pthread_self();
  alarm(20);
  for (int i = 0; i < 100; ++i) {
    pthread_t thread;
    Require(pthread_create(&thread, nullptr, AskForOwnStack, &main) == 0, "a thread starts");
    AskForStack(thread);
    AskForStack(main);
    pthread_join(thread, nullptr);
  }
  Say("ready");
  WaitForTest();
}

}  // namespace

int main(int, char** arguments) {
  const char* mode = arguments[1];
  StartWatchdog();
  if (IsMode(mode, "iterate")) Iterate();
  if (IsMode(mode, "load")) LoadWhileOthersWork(arguments[2], atoi(arguments[3]));
  if (IsMode(mode, "throw")) ThrowInThreads(atoi(arguments[2]));
  if (IsMode(mode, "attributes")) AskForStacks();
}
