// Asks the threads of a living process that run where they are: each walks itself, in a handler of
// ours that SIGURG calls (runtime/dump/stack_signal.h).
//
//   slot     says that it runs, no more than a moment before it is asked
//   kernel   says that it is on a CPU; that SIGURG is caught, and not blocked by it
//   segment  says that the handler is ours
//
// All three, or it is left alone: a system call that a signal interrupts may tell the program so.
// Where we may not signal, or no answer comes in time, there is none.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/reader/process_facts.h"

namespace limpet {

// By thread id, as the process sees it: the answer in its slot before it was asked. Another one is
// of a moment after that.
using AskedThreads = std::map<std::uint32_t, std::uint64_t>;

// Waits for answers, 50 ms at most. What they are, the segment says when it is read after this.
AskedThreads AskRunningThreads(const ProcessFacts& process, const std::string& segment_path,
                               const std::string& proc = "/proc");

}  // namespace limpet
