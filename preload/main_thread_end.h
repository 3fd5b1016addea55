// The end of the main thread, where the process lives on: it starts in no function of ours, so
// nothing of ours is on its stack to be told.
//
//   pthread_exit | a cancellation ─▶ ExpectEndOfMainThread ─▶ (destructors) ─▶ session
//
// Runs: target.  Threads: any; does something in the main thread only.  Allocates: a key of
// thread-specific data, once.
#pragma once

namespace limpet {

// The calling thread is being unwound to its end.
void ExpectEndOfMainThread();

}  // namespace limpet
