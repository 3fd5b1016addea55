// Maps the log that a soak's program writes and its judge reads.
//
// Runs: programs of the soak, and those that judge them.  Threads: any.  Allocates: a mapping.
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

#include "tests/soak/call_log.h"

namespace limpet {

// The file is made if it is not there. nullptr: it could not be had.
inline CallLog* MapCallLog(const char* path) {
  int file = path == nullptr ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof(CallLog)) != 0) return nullptr;
  void* mapped = mmap(nullptr, sizeof(CallLog), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<CallLog*>(mapped);
}

// A process stops until its judge has looked at it.
inline void WaitForJudge(ProcessLog* log) {
  while (log->is_released.load() == 0)
    syscall(SYS_futex, &log->is_released, FUTEX_WAIT, 0, nullptr, nullptr, 0);
}

inline void Release(ProcessLog* log) {
  log->is_released.store(1);
  syscall(SYS_futex, &log->is_released, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace limpet
