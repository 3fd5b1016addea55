// A program with an unwinder of its own (libunwind exports the names of libgcc's, too), which
// throws.

#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <pthread.h>
#include <stdlib.h>

#include <stdexcept>
#include <string>

#include "tests/preload/programs/stage.h"

namespace {

SITE int FramesHere() {
  void* frames[64];
  return unw_backtrace(frames, 64);
}

SITE int FramesBelow(int levels) {
  int frames = levels == 0 ? FramesHere() : FramesBelow(levels - 1);
  asm volatile("" : "+r"(frames));
  return frames;
}

SITE std::size_t Catches(int length) {
  try {
    throw std::runtime_error(std::string(static_cast<std::size_t>(length), 'x'));
  } catch (const std::runtime_error& error) {
    return strlen(error.what());
  }
}

void* UnwindOften(void*) {
  for (int i = 0; i < 300; ++i) {
    Require(FramesBelow(12) - FramesBelow(2) == 10, "its own unwinder sees every frame");
    Require(Catches(100 + i) == static_cast<std::size_t>(100 + i), "the exception is caught");
  }
  return nullptr;
}

}  // namespace

int main() {
  pthread_t threads[3];
  StartWatchdog();
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, UnwindOften, nullptr);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  Say("ready");
  WaitForTest();
}
