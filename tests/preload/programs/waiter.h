// Threads that each wait in one call, and say where: "NAME LINE OBJECT".
//
// Runs: traced programs of the tests.
#pragma once

#include <pthread.h>

#include "tests/preload/programs/stage.h"

// On one line, so that its number is the call's.
#define WAIT_IN(object, call)                    \
  do {                                           \
    Announce(__LINE__, (unsigned long)(object)); \
    (void)(call);                                \
    asm volatile("" ::: "memory");               \
  } while (false)

struct Waiter {
  const char* name;
  void (*wait)();
};

inline void Announce(int line, unsigned long object) {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  Say("%s %d %lu", name, line, object);
}

inline void* RunWaiter(void* argument) {
  const auto* waiter = static_cast<const Waiter*>(argument);
  pthread_setname_np(pthread_self(), waiter->name);
  waiter->wait();
  return nullptr;
}

// All of them wait, each in a thread of its own, when this returns.
template <unsigned long kCount>
void StartWaiters(const Waiter (&waiters)[kCount]) {
  for (const Waiter& waiter : waiters) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    Require(pthread_create(&thread, &attributes, RunWaiter, const_cast<Waiter*>(&waiter)) == 0,
            "a thread starts");
    pthread_attr_destroy(&attributes);
  }
  usleep(300'000);
}
