// Starts the companion, once each time it is asked to.
//
// Runs: target, load, dump signal and exit.  Threads: any, one start at a time; async-signal-safe.
// Allocates: never.
#pragma once

#include "runtime/sys/detached_process.h"

namespace limpet {

// At load: remembers where the companion may lie, from where this library lies.
void FindCompanion();

// Starts it with `arguments`, the first of which is its name; waits for its end if `timeout_ms` is
// not 0, at most so long. Its pid, 0: it could not be started, and the segment says why; or another
// thread is starting one.
int StartCompanion(const char* const* arguments, int timeout_ms,
                   const sys::Preparation* preparation = nullptr);

}  // namespace limpet
