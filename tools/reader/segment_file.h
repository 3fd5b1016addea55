// A segment file opened for reading, and nothing else.
//
// Read by pread only: the target may cut the file at any moment, which a mapping would answer with
// SIGBUS and a read answers with a status.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace limpet {

// Which file it is, by whatever name.
struct FileNode {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  bool operator==(const FileNode&) const = default;
};

class SegmentFile {
 public:
  // Only a regular file: a link could lead out of the runtime directory, a pipe would block. While
  // it is open, those that tidy leave it where it is.
  static absl::StatusOr<SegmentFile> Open(const std::string& path);

  // One that somebody handed to us, open for reading; ours from now on.
  static absl::StatusOr<SegmentFile> Adopt(int descriptor);

  SegmentFile(SegmentFile&& other) noexcept;
  SegmentFile& operator=(SegmentFile&& other) noexcept;
  ~SegmentFile();

  // Fills all of `to`, or fails: a short read is lost data.
  absl::Status ReadAt(std::uint64_t offset, void* to, std::size_t bytes) const;

  // Whether a process of this machine has it open for writing, or mapped so: its target, or a
  // forked child of that. Absent: the system does not say.
  std::optional<bool> HasWriter() const;

  const std::string& path() const { return path_; }
  std::uint64_t size_bytes() const { return size_bytes_; }
  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  const FileNode& node() const { return node_; }
  std::uint32_t owner_uid() const { return owner_uid_; }
  // Its process has given up rights of the owner since: what stands in it is not the owner's word.
  bool has_given_up_rights() const { return has_given_up_rights_; }
  std::uint64_t modified_unix_ns() const { return modified_unix_ns_; }

 private:
  explicit SegmentFile(int descriptor, std::string path);
  absl::Status LearnFacts();

  int descriptor_ = -1;
  std::string path_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t allocated_bytes_ = 0;
  FileNode node_;
  std::uint32_t owner_uid_ = 0;
  bool has_given_up_rights_ = false;
  std::uint64_t modified_unix_ns_ = 0;
};

}  // namespace limpet
