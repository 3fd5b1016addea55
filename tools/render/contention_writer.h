// A profile of waits as text, as Go's block?debug=1 and mutex?debug=1: nanoseconds, how many, the
// stack.
//
//   --- contention:
//   cycles/second=1000000000
//   1203400 12 @ 0x401136 0x401213
//   # reason: sync.Mutex.Lock
//   #	0x401135	Grow+0x15	/src/cache.cc:42
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/profile.h"

namespace limpet {

std::string WriteContentions(const Profile& profile);

}  // namespace limpet
