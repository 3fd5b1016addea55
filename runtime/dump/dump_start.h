// Has the companion write a dump of this process.
//
// Runs: target, dump signal and exit.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

namespace limpet {

// Starts `limpet dump` and does not wait; nothing while several of them are at work. True: one is
// about to write.
bool StartDump();

// One that StartDump() started and that reads the segment's file, other than `done`, has not ended.
bool IsDumpAtWork(int done);

// The same, and waits until the dump is written, at most `timeout_ms`. The companion's pid, 0: it
// could not be started, and the segment says why.
int WriteDump(int timeout_ms);

}  // namespace limpet
