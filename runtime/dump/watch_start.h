// Has a companion watch this process, where LIMPET_EVERY, LIMPET_DUMP_ON or
// LIMPET_WATCH ask for one.
//
//   new segment, new thread, dump signal --> does one beat? --no--> `limpet watch`
//
// All processes of a tree come here; whichever companion gets the lock stays, the others leave. A
// companion that was killed is replaced at the next of these moments.
//
// Runs: target hot path (cold side), dump signal.  Threads: any; async-signal-safe.  Allocates:
// never.
#pragma once

namespace limpet {

// A companion has told this process lately that it watches it.
bool IsWatched();

void EnsureWatcher();

}  // namespace limpet
