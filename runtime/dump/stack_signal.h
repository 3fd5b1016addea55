// The signal that asks a thread that runs where it is: SIGURG, which is ignored by default, so that
// one that comes late, behind an exec, does nothing.
//
//   companion --SIGURG with the segment's cookie--> handler: walks its own stack --> thread's slot
//
// One with another value is what it is by default: nothing.
//
// Runs: target, startup and signal handler.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include "runtime/dump/own_signal.h"

namespace limpet {

// At load.
void InstallStackSignal(SigactionFunction next_sigaction);

}  // namespace limpet
