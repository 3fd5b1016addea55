// Files that are there whole or not at all: written under a temporary name beside their own,
// flushed to the disk, then renamed.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace limpet {

// Replaces a file that is there. A failure leaves what was there, and nothing half-written.
absl::Status WriteOutputFile(const std::string& path, const std::string& bytes);

// With its parents.
absl::Status MakeDirectory(const std::string& path);

absl::Status WriteStandardOutput(const std::string& bytes);

// While it lives, no other limpet writes numbered files into the directory.
class DirectoryLock {
 public:
  // Waits a few seconds at most. Where a file system has no locks, goes on without.
  static absl::StatusOr<DirectoryLock> Take(const std::string& directory);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace limpet
