// The signals that are ours as long as the program does not want them for itself.
//
// Our handler stands in for the default action only: when the program takes the signal (sigaction,
// signal, sigwait, signalfd), ours steps back for good; when it asks, it is told SIG_DFL.
//
// Runs: target, startup and hooks.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <signal.h>

#include "runtime/session.h"

namespace limpet {

// libc's sigaction behind our hook.
using SigactionFunction = int (*)(int, const struct sigaction*, struct sigaction*);
using SignalHandler = void (*)(int, siginfo_t*, void*);

// At load. Leaves a signal alone that is ignored already: children would inherit that.
void InstallOwnSignal(OwnSignal which, SignalHandler handler, SigactionFunction next_sigaction);

// kNone: the signal is the program's.
OwnSignal OwnSignalOf(int signal);

// sigaction() for a signal of ours on behalf of the program: as if our handler were not there.
int ProgramSigaction(OwnSignal which, const struct sigaction* action, struct sigaction* old);

// The program waits for the signal by other means: it is the program's from now on.
void YieldSignal(OwnSignal which);
// The same of those of ours among `signals`, which may be null.
void YieldSignals(const sigset_t* signals);

}  // namespace limpet
