// Has the companion write a dump of this process, by starting it once.
//
// Runs: target, dump signal and exit.  Threads: any, one start at a time; async-signal-safe.
// Allocates: never.
#pragma once

namespace limpet {

// At load: remembers where the companion may lie, from where this library lies.
void FindCompanion();

// Starts `limpet dump` and does not wait. Why it could not is left in the segment.
void StartDump();

// The same, and waits until the dump is written, at most `timeout_ms`.
void WriteDump(int timeout_ms);

}  // namespace limpet
