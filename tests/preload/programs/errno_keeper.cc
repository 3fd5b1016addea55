// Looks at errno around every allocation; nothing here allocates before the first of them.

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "tests/preload/programs/stage.h"

namespace {

constexpr int kErrno = 77;

size_t Hidden(size_t bytes) {
  static volatile size_t value;
  value = bytes;
  return value;
}

void CheckKept(const char* fact) {
  Require(errno == kErrno, fact);
  errno = kErrno;
}

void CheckAll() {
  void* block = malloc(100);
  CheckKept("malloc keeps errno");
  UseBlock(block = realloc(block, 5000));
  CheckKept("realloc keeps errno");
  free(block);
  CheckKept("free keeps errno");
  UseBlock(block = calloc(3, 50));
  CheckKept("calloc keeps errno");
  free(block);
  UseBlock(block = aligned_alloc(64, 640));
  CheckKept("aligned_alloc keeps errno");
  Require(posix_memalign(&block, 3, 10) == EINVAL, "posix_memalign fails");
  CheckKept("posix_memalign keeps errno");
  free(block);
  Require(malloc(Hidden(SIZE_MAX)) == nullptr && errno == ENOMEM, "malloc says ENOMEM");
  errno = kErrno;
  Require(calloc(Hidden(SIZE_MAX / 2), 3) == nullptr && errno == ENOMEM, "calloc says ENOMEM");
  errno = kErrno;
}

}  // namespace

int main() {
  StartWatchdog();
  errno = kErrno;
  for (int i = 0; i < 1000; ++i) CheckAll();
}
