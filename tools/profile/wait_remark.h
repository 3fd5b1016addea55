// What is known of a wait besides its reason, for the parenthesis behind it.
//
//   [sync.Mutex.Lock (held by 7), 3 minutes]     [IO wait (fd 5 to 10.0.0.7:443 without timeout)]
//
// No comma, no parenthesis and no bracket: Go's parsers end the reason there.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/thread_dump.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

// Whom a socket talks to, "to 10.0.0.7:443 without timeout"; empty: not known.
std::string PeerWords(const ListedThread& listed);

// What is done to what the thread waits for by who lets it go on: "signalled", "posted".
std::string WakeVerb(WaitReason reason);

// `listed`: its owner and who last woke one are known by now. Empty: nothing.
std::string WaitRemark(const ThreadRecord& thread, const ListedThread& listed);

}  // namespace limpet
