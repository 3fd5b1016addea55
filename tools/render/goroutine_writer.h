// Threads as Go prints goroutines (`/debug/pprof/goroutine?debug=2`, a panic), for people who read
// those and for the parsers they have (goleak, gostackparse, panicparse):
//
//   goroutine 4 [sync.Mutex.Lock (held by 7), 3 minutes]:
//   Account::Withdraw(0x55d0c0a0)
//           /src/account.cc:42 +0x15
//   created by main in goroutine 1
//           /src/main.cc:50 +0x67
//
// Names are simple ones. The address is that of what is waited for.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/thread_dump.h"

namespace limpet {

std::string WriteGoroutines(const ThreadDump& dump);

}  // namespace limpet
