// The threads of a living process as hooks and kernel tell them together.
//
//   slot says        kernel says               listed
//   parked           blocked in such a call    as the slot says
//   parked           runs, or another call     running, or as seen from outside: the wait was left
//   parked, runs     no such thread            not: it has ended, or its id is another's by now
//   runs, none       blocked                   as seen from outside
//   none             runs                      running
//   runs, answered   runs                      running, with its stack: running_threads.h
//
// Nobody is stopped, and nobody is signalled here.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

#include "tools/reader/process_facts.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/threads/running_threads.h"

namespace limpet {

// Completes the threads of `snapshot`, which is of this process, read just after `asked` were.
// Stacks and modules that were found from outside are added to it. `proc` is "/proc" but in tests.
// False: the process ends, one thread after the other. What its slots say is its last word then,
// and stays as it was.
bool CompleteThreads(const ProcessFacts& process, SegmentSnapshot& snapshot,
                     const AskedThreads& asked = {}, const std::string& proc = "/proc");

}  // namespace limpet
