// Threads for people, at 100 columns: those that stand at the same place together, who waits
// longest first.
//
//   3 wait 12m to 40s: sync.Mutex.Lock, held by 7
//     threads 4-5 worker, 9 audit; on 0x55d0c0a0
//       Account::Withdraw     src/account.cc:42
//       Transfer              src/bank.cc:12
//     created by main         src/main.cc:50, in thread 1
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/thread_dump.h"

namespace limpet {

std::string WriteStacks(const ThreadDump& dump);

}  // namespace limpet
