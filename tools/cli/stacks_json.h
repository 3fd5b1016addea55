// Threads for programs. The names are stable; what is not known is left out.
//
//   {"version": 1, "pid": 4242, "program": "app", "alive": true, "losses": {},
//    "stacks": [[{"function": "Account::Withdraw", "file": "account.cc", "line": 42}, ...], ...],
//    "threads": [{"number": 4, "reason": "sync.Mutex.Lock", "stack": 0, ...}, ...],
//    "findings": [{"kind": "deadlock", "threads": [4, 7], "behind": [9], "behind_ns": 41}]}
//
// A stack stands once, and is written when its turn comes: many threads take no memory.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/profile/thread_dump.h"
#include "tools/profile/wait_verdict.h"

namespace limpet {

// Of all stacks. No process has so many at places of their own; a forged segment may.
inline constexpr std::size_t kMostJsonFrames = 1'000'000;

// `write` gets the text piece by piece; the first error ends it. `findings`: of a verdict; null:
// nobody judged. Frames beyond `most_frames` are left out and counted.
using TextSink = std::function<absl::Status(const std::string& text)>;
absl::Status WriteStacksJson(const ThreadDump& dump, const TextSink& write,
                             const std::vector<WaitFinding>* findings = nullptr,
                             std::size_t most_frames = kMostJsonFrames);

}  // namespace limpet
