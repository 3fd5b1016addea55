// A profile as text, in the shape of Go's `/debug/pprof/heap?debug=1`:
//
//   heap profile: 3: 3072 [5: 5120] @ heap/2           in use: objects: bytes [allocated] @ heap/2
//   2: 2048 [4: 4096] @ 0x401136 0x401200
//   # in use: 2 samples, ± 71 %; allocated: 4 samples, ± 50 %
//   # 2 processes, pid: 101 1.5 KiB, 102 512 B          where the profile is one of several
//   #       0x401135        grow+0x15       /src/cache.cc:42
//
// Values are final; pprof takes the number after "heap/" as twice the sampling interval and does
// not scale again where that is 1. `@` shows return addresses, `#` the calls, as Go does.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/profile.h"

namespace limpet {

// Of a profile with the four values of a heap profile; one that counts is WriteCountText's.
std::string WriteText(const Profile& profile);

}  // namespace limpet
