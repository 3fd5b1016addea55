// A tmpfs of a few MiB over a directory, seen by one child process only.
//
// Runs: tests, in a forked child of root.  Threads: one.  Allocates: yes.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "tests/runtime/sys/child_process.h"
#include "tests/support/temporary_directory.h"

namespace limpet::test {

inline bool MountSmallFileSystem(const std::string& directory, std::uint64_t bytes) {
  std::string options = "mode=0700,size=" + std::to_string(bytes);
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", directory.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

// False without the right to mount.
inline bool CanMount() {
  TemporaryDirectory directory;
  pid_t child = fork();
  if (child == 0) _exit(MountSmallFileSystem(directory.path(), 1 << 20) ? 0 : 1);
  return WaitFor(child) == 0;
}

inline std::uint64_t FreeBytes(const std::string& directory) {
  struct statfs fs = {};
  statfs(directory.c_str(), &fs);
  return fs.f_bavail * static_cast<std::uint64_t>(fs.f_bsize);
}

// A file of `bytes` that are really there.
inline bool Occupy(const std::string& path, std::uint64_t bytes) {
  int file = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  bool is_done = posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0;
  close(file);
  return is_done;
}

}  // namespace limpet::test
