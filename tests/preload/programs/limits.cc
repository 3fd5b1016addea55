// Works under limits of every kind, and says when it is done.
//
//   live N     keeps N blocks
//   stacks N   allocates from N stacks, and from N others when the test has looked
//   reuse      frees all its blocks, and goes on when the test has looked
//   fill PATH  fills the file system at PATH once there is a segment on it, and works
//   KIND       sets the limit of that kind and works

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/preload/programs/own_system_call.h"
#include "tests/preload/programs/stage.h"

namespace {

SITE void* LiveBlock(size_t bytes) {
  void* block = malloc(bytes);
  Require(block != nullptr, "malloc works");
  UseBlock(block);
  return block;
}

// Chained, so that no list of them is needed.
void KeepBlocks(long count) {
  void** last = nullptr;
  for (long i = 0; i < count; ++i) {
    auto** block = static_cast<void**>(LiveBlock(16));
    *block = last;
    last = block;
  }
  Say("live");
  WaitForTest();
  while (last != nullptr) {
    auto** next = static_cast<void**>(*last);
    free(last);
    last = next;
  }
  Say("freed");
  WaitForTest();
}

// Which of the two calls each level makes is a bit of the path.
SITE void* AllocateAlong(unsigned path, int depth) {
  void* block = nullptr;
  if (depth == 0) return LiveBlock(16);
  if ((path & 1) == 0) {
    block = AllocateAlong(path >> 1, depth - 1);
    asm volatile("" : "+r"(block));
  } else {
    block = AllocateAlong(path >> 1, depth - 1);
    asm volatile("nop" : "+r"(block));
  }
  return block;
}

void TakeManyStacks(unsigned count) {
  for (unsigned path = 0; path < 2 * count; ++path) {
    free(AllocateAlong(path, 24));
    if (path % count != count - 1) continue;
    Say("allocated");
    WaitForTest();
  }
}

void* AllocateInThread(void*) {
  for (int i = 0; i < 1000; ++i) free(LiveBlock(static_cast<size_t>(1 + i)));
  return nullptr;
}

void Work() {
  pthread_t threads[4];
  for (int i = 0; i < 100; ++i) free(LiveBlock(1 << 20));
  AllocateInThread(nullptr);
  for (pthread_t& thread : threads)
    Require(pthread_create(&thread, nullptr, AllocateInThread, nullptr) == 0, "a thread starts");
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  for (int i = 0; i < 20'000; ++i) LiveBlock(100);
}

void ReuseBlocks() {
  for (size_t i = 0; i < 100; ++i) free(LiveBlock(100 + i));
  void* blocks[100];
  for (void*& block : blocks) block = LiveBlock(100);
  for (void* block : blocks) free(block);
  Say("freed");
  WaitForTest();
}

void FillFileSystem(const char* path) {
  static char filling[1 << 16];
  int file = open(path, O_WRONLY | O_CREAT, 0600);
  Require(file >= 0, "the file system takes a file");
  while (write(file, filling, sizeof(filling)) > 0) {
  }
  close(file);
}

void Limit(__rlimit_resource resource, rlim_t value) {
  rlimit limit = {value, value};
  Require(setrlimit(resource, &limit) == 0, "the limit is set");
}

// A field of /proc/self/statm in bytes: 0 is what RLIMIT_AS counts, 5 what RLIMIT_DATA does.
rlim_t BytesInUse(int field) {
  char text[160] = {};
  int file = open("/proc/self/statm", O_RDONLY);
  Require(read(file, text, sizeof(text) - 1) > 0, "statm can be read");
  close(file);
  const char* at = text;
  for (int i = 0; i < field; ++i) at = strchr(at, ' ') + 1;
  return strtoul(at, nullptr, 10) * 4096;
}

// Has the kernel refuse what the private tables of a segment of 64 MiB need, and not the segment.
void RefuseTables() {
  constexpr __u32 kAbove = 16 << 20, kBelow = 48 << 20;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mremap, 2, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[2])),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kAbove, 0, 2),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kBelow, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};
  // Unseen by the hooks, which would have the segment made before.
  bool is_set = OwnSystemCall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1) == 0 &&
                OwnSystemCall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
                              reinterpret_cast<long>(&program)) == 0;
  Require(is_set, "system calls can be refused");
}

}  // namespace

int main(int, char** arguments) {
  const char* mode = arguments[1];
  StartWatchdog();
  mallopt(M_ARENA_MAX, 1);  // others come and go with 64 MiB of address space
  if (IsMode(mode, "live")) return KeepBlocks(atol(arguments[2])), 0;
  if (IsMode(mode, "stacks")) return TakeManyStacks(static_cast<unsigned>(atol(arguments[2]))), 0;
  if (IsMode(mode, "fill")) {
    LiveBlock(100);
    FillFileSystem(arguments[2]);
  }
  if (IsMode(mode, "reuse")) ReuseBlocks();
  if (IsMode(mode, "close_range")) Require(close_range(3, ~0u, 0) == 0, "close_range works");
  if (IsMode(mode, "RLIMIT_AS")) Limit(RLIMIT_AS, BytesInUse(0) + (rlim_t{104} << 20));
  if (IsMode(mode, "RLIMIT_DATA")) Limit(RLIMIT_DATA, BytesInUse(5) + (rlim_t{40} << 20));
  if (IsMode(mode, "RLIMIT_FSIZE")) Limit(RLIMIT_FSIZE, 4096);
  if (IsMode(mode, "RLIMIT_NOFILE")) Limit(RLIMIT_NOFILE, 3);
  if (IsMode(mode, "mlockall")) Require(mlockall(MCL_FUTURE) == 0, "memory can be locked");
  if (IsMode(mode, "no_tables")) RefuseTables();
  Work();
  Say("worked");
  WaitForTest();
  return 5;
}
