// What a thread does, in Go's words.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <string_view>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Of a parked thread: "sync.Mutex.Lock", "chan receive", "select (no cases)". `by_frames` is what
// ReasonByFrames() said.
std::string WaitWords(const ThreadRecord& thread, std::string_view by_frames);

// Of waits of a kind, of which nothing more is known: what polls may also sleep, a pipe is no
// channel.
std::string WaitWords(WaitReason reason, std::string_view by_frames);

// Go's status of who waits so: "waiting", or "syscall".
std::string StatusWord(const std::string& wait_words);

}  // namespace limpet
