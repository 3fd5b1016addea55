// A profile that counts as text, in the shape of Go's `/debug/pprof/goroutine?debug=1`:
//
//   goroutine profile: total 5
//   4 @ 0x401136 0x401200
//   # labels: {"reason":"sync.Mutex.Lock", "state":"waiting"}
//   #       0x401135        Withdraw+0x15   /src/account.cc:42
//
// Most threads first, equal numbers by the text, as Go has it.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/profile.h"

namespace limpet {

// Of a profile with one value.
std::string WriteCountText(const Profile& profile);

}  // namespace limpet
