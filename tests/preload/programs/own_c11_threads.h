// C11's threads as a library of its own has them, for systems whose libc had none: other results,
// other types.
#pragma once

extern "C" {

struct OwnMutex {
  int is_held;
};
enum OwnResult { kOwnError = 0, kOwnSuccess = 1, kOwnBusy = 3 };

int mtx_trylock(OwnMutex* mutex);
int mtx_lock(OwnMutex* mutex);
int mtx_unlock(OwnMutex* mutex);
int thrd_create(unsigned long* thread, int (*routine)(void*), void* argument);
int thrd_join(unsigned long thread, int* result);

}  // extern "C"
