// Files that are there whole or not at all: written under a temporary name beside their own,
// flushed to the disk, then renamed.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/store/open_folder.h"

namespace limpet {

// A file in the making. Without Commit() nothing of it stays. ResourceExhausted: no room.
class OutputFile {
 public:
  // `folder` outlives it.
  static absl::StatusOr<OutputFile> Create(const OpenFolder& folder, const std::string& name);

  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) = delete;
  ~OutputFile();

  // What is never written between two offsets stays a hole.
  absl::Status WriteAt(std::uint64_t offset, absl::string_view bytes);
  absl::Status SetBytes(std::uint64_t bytes);
  absl::Status SetModifiedTime(std::int64_t unix_ns);

  // Replaces a file that is there.
  absl::Status Commit();

 private:
  OutputFile(const OpenFolder& folder, std::string name);

  const OpenFolder* folder_;
  std::string name_;
  std::string temporary_;
  int descriptor_ = -1;
};

// Replaces a file that is there. A failure leaves what was there, and nothing half-written.
absl::Status WriteOutputFile(const OpenFolder& folder, const std::string& name,
                             const std::string& bytes);

// With its parents.
absl::Status MakeDirectory(const std::string& path);

// One that a user named, which is made if there is none.
absl::StatusOr<OpenFolder> OpenDirectory(const std::string& path);

// To a file of our own, which a line is added to; nothing where a link or somebody else's is.
void AppendLine(const std::string& path, const std::string& line);

absl::Status WriteStandardOutput(const std::string& bytes);

// While it lives, no other limpet writes numbered files into the directory.
class DirectoryLock {
 public:
  // Waits a few seconds at most. Where a file system has no locks, goes on without.
  static absl::StatusOr<DirectoryLock> Take(const OpenFolder& folder);

  // Does not wait: Unavailable where somebody else has it.
  static absl::StatusOr<DirectoryLock> Try(const OpenFolder& folder);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&& other) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace limpet
