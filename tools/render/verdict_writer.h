// Waits that never end, for people, at 100 columns. Empty where there is none.
//
//   deadlock: 2 threads, each waits for the next one
//     thread 2 worker waits 12m: sync.Mutex.Lock, held by 3; on 0x55d0c0a0
//       Transfer              src/bank.cc:42
//     created by main         src/main.cc:50, in thread 1
//     thread 3 worker ...
//     behind them 3 wait, 36m together: 4-6 worker
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "tools/profile/thread_dump.h"
#include "tools/profile/wait_verdict.h"

namespace limpet {

// "deadlock", "orphaned lock", "convoy"
std::string FindingName(WaitFindingKind kind);

// `findings` are of `dump`.
std::string WriteVerdict(const ThreadDump& dump, const std::vector<WaitFinding>& findings);

}  // namespace limpet
