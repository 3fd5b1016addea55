// The signal that asks for a dump, as long as the program does not want it for itself.
//
// Our handler counts the request, and wakes a companion that watches or starts one. It stands in
// for the default action only: when the program takes the signal (sigaction, signal, sigwait,
// signalfd), ours steps back for good; when it asks, it is told SIG_DFL.
//
// Runs: target, startup and signal handler.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <signal.h>

namespace limpet {

// libc's sigaction behind our hook.
using SigactionFunction = int (*)(int, const struct sigaction*, struct sigaction*);

// At load. Leaves a signal alone that is ignored already: children would inherit that.
void InstallDumpSignal(SigactionFunction next_sigaction);

// Once a segment is made: requests that came meanwhile. In any thread, in a handler, inside malloc.
void AnswerMissedRequests();

// At the end of the process: a dump that was asked for is not written yet, by whoever will find the
// segment where it is.
bool IsDumpAwaited();

// True while `signal` is handled by us.
bool IsOurSignal(int signal);

// sigaction() for our signal on behalf of the program: as if our handler were not there.
int ProgramSigaction(const struct sigaction* action, struct sigaction* old);

// The program waits for the signal by other means: it is the program's from now on.
void YieldDumpSignal();

}  // namespace limpet
