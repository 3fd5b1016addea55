#include <unistd.h>

#include <cerrno>

#include "tools/cli/commands.h"
#include "tools/watch/watcher.h"

namespace limpet {

absl::StatusOr<int> WatchCommand(const WatchCommandOptions& options) {
  // Not to keep a file system from being unmounted; all paths are absolute.
  if (chdir("/") != 0) return absl::ErrnoToStatus(errno, "cannot change to /");
  const absl::Status status = Watch({.runtime_directory = options.runtime_directory,
                                     .key = options.key,
                                     .pid = options.pid,
                                     .directory = options.directory});
  if (!status.ok()) return status;
  return kExitOk;
}

}  // namespace limpet
