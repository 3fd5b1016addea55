// Threads that are named, joined, detached and left behind.

#include <pthread.h>
#include <sys/prctl.h>
#include <threads.h>

#include "tests/preload/programs/stage.h"

namespace {

void Name(const char* name) { prctl(PR_SET_NAME, name); }

void* SleepOn(void*) { return pause(), nullptr; }

SITE pthread_t Start(void* (*routine)(void*), const pthread_attr_t* attributes = nullptr) {
  pthread_t thread;
  Require(pthread_create(&thread, attributes, routine, nullptr) == 0, "a thread starts");
  return thread;
}

// --- Named ---

void StartNamed() {
  pthread_setname_np(Start(SleepOn), "by another");
  Start([](void*) -> void* { return Name("by itself"), SleepOn(nullptr); });
  Start([](void*) -> void* {
    Name("parent");
    Start(SleepOn);
    return SleepOn(nullptr);
  });
}

// --- Ended ---

void* End(void*) { return Name("ended"), nullptr; }
void* EndJoined(void*) { return Name("joined"), nullptr; }
void* EndJoinedLate(void*) { return Name("joined late"), nullptr; }
void* EndDetachedLate(void*) { return Name("detached late"), nullptr; }

void EndSome() {
  Start(End);
  pthread_t late = Start(EndJoinedLate);
  pthread_t detached = Start(EndDetachedLate);
  usleep(100'000);
  pthread_join(Start(EndJoined), nullptr);
  pthread_join(late, nullptr);
  pthread_detach(detached);
}

// --- Detached ---

void DetachSome() {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  Start([](void*) -> void* { return Name("made detached"), SleepOn(nullptr); }, &attributes);
  pthread_detach(Start([](void*) -> void* { return Name("detached"), SleepOn(nullptr); }));
  thrd_t thread;
  thrd_create(
      &thread, [](void*) -> int { return Name("of C11"), pause(); }, nullptr);
  thrd_detach(thread);
}

}  // namespace

int main(int count, char** arguments) {
  StartWatchdog();
  Require(count == 2, "an argument");
  if (IsMode(arguments[1], "names")) StartNamed();
  if (IsMode(arguments[1], "ends")) EndSome();
  if (IsMode(arguments[1], "detached")) DetachSome();
  usleep(200'000);
  Say("ready");
  WaitForTest();
  _exit(0);
}
