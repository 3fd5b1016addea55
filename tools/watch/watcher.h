// The companion that stays: sees processes of a tree come and go, dumps them when they ask for it,
// and writes the last profile of those that were killed.
//
//   inotify: a segment is made ------> WatchedProcess <--- once a second: Look
//   pidfd: a process has ended ------> last profile          |
//   eventfd: a dump signal -------> Look ---> reason ---> DumpQueue ---> `limpet dump`
//
// It leaves when nobody is left to watch; costs nothing in between but a look each second.
//
// Runs: companion.  Threads: one, and RequestWaiter's.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace limpet {

struct WatchOptions {
  std::string runtime_directory;
  std::uint64_t key = 0;  // 0: that of this process
  std::uint32_t pid = 0;  // to be waited for even if it has no segment, 0: none
  std::string directory;  // of profiles, where a process's own word for it is not to be trusted
};

// Returns when there is nobody left. AlreadyExists: another one watches.
absl::Status Watch(const WatchOptions& options);

}  // namespace limpet
