// Starts `limpet watch` for the program that `limpet run` becomes.
//
//   limpet run --fork--> middle --fork--> limpet watch      init's child: the program never hears
//   of it
//       | exec
//   program
//
// In a session of its own, with no terminal and no descriptor of ours.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <sys/types.h>

#include <string>

namespace limpet {

struct WatcherProcess {
  std::string executable;         // of limpet
  std::string runtime_directory;  // where segments will lie
  std::string directory;          // LIMPET_DIR, absolute
  pid_t program = 0;              // stays as long as this lives
};

// As nobody's child. False: it could not be started, errno says why.
bool StartDetachedWatcher(const WatcherProcess& watcher);

// As our own child, for an init process, which would adopt it anyway. Its pid, -1: errno.
pid_t StartWatcherChild(const WatcherProcess& watcher);

}  // namespace limpet
