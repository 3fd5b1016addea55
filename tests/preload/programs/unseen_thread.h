// A thread that no hook sees start: libc's own function makes it, as for its timers.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include "tests/preload/programs/stage.h"

inline pthread_t StartUnseen(void* (*routine)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  void* libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
  Require(libc != nullptr, "libc is found");
  auto create = reinterpret_cast<Create>(dlsym(libc, "pthread_create"));
  pthread_t thread = 0;
  Require(create != nullptr && create(&thread, nullptr, routine, argument) == 0, "a thread starts");
  return thread;
}
