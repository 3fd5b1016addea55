// Works under limits of every kind, and says when it is done.
//
//   live N     keeps N blocks
//   fill PATH  fills the file system at PATH once there is a segment on it, and works
//   KIND       sets the limit of that kind and works

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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

void* AllocateInThread(void*) {
  for (int i = 0; i < 1000; ++i) free(LiveBlock(static_cast<size_t>(1 + i)));
  return nullptr;
}

void Work() {
  pthread_t threads[4];
  AllocateInThread(nullptr);
  for (pthread_t& thread : threads)
    Require(pthread_create(&thread, nullptr, AllocateInThread, nullptr) == 0, "a thread starts");
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  for (int i = 0; i < 20'000; ++i) LiveBlock(100);
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

}  // namespace

int main(int, char** arguments) {
  const char* mode = arguments[1];
  StartWatchdog();
  if (IsMode(mode, "live")) return KeepBlocks(atol(arguments[2])), 0;
  if (IsMode(mode, "fill")) {
    LiveBlock(100);
    FillFileSystem(arguments[2]);
  }
  if (IsMode(mode, "close_range")) Require(close_range(3, ~0u, 0) == 0, "close_range works");
  if (IsMode(mode, "RLIMIT_AS")) Limit(RLIMIT_AS, rlim_t{160} << 20);
  if (IsMode(mode, "RLIMIT_FSIZE")) Limit(RLIMIT_FSIZE, 4096);
  if (IsMode(mode, "RLIMIT_NOFILE")) Limit(RLIMIT_NOFILE, 3);
  Work();
  Say("worked");
  WaitForTest();
  return 5;
}
