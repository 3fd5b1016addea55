// The signal that asks for a dump: its handler counts the request, and wakes a companion that
// watches or starts one.
//
// Runs: target, startup and signal handler.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include "runtime/dump/own_signal.h"

namespace limpet {

// At load.
void InstallDumpSignal(SigactionFunction next_sigaction);

// Once a segment is made: requests that came meanwhile. In any thread, in a handler, inside malloc.
void AnswerMissedRequests();

// At the end of the process: a dump that was asked for is not written yet, by whoever will find the
// segment where it is.
bool IsDumpAwaited();

}  // namespace limpet
