// A regular file in memory, found as the process that lives under `root` would find it.
//
// A traced program may sit in a container: its "/usr/lib/x.so", and every absolute symlink on the
// way, then mean the container's. `root` is "" for our own root, or a directory such as
// "/proc/PID/root".
//
// Runs: companion.  Threads: any, one object each.  Allocates: address space.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace limpet {

class MappedFile {
 public:
  // Refuses whatever is not a regular file: a FIFO or a device could block or never end.
  static absl::StatusOr<MappedFile> Open(const std::string& path, const std::string& root);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})), changed_unix_ns_(other.changed_unix_ns_) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(changed_unix_ns_, other.changed_unix_ns_);
    return *this;
  }
  ~MappedFile();

  // Writable and private to us: libelf notes in the section headers what it has decompressed.
  std::span<char> bytes() const { return bytes_; }
  // When the file, or what is known of it, was last changed; a new file in its place is new.
  std::uint64_t changed_unix_ns() const { return changed_unix_ns_; }

  // Forgets the resident pages wholly inside `part`, with what was written there; the next touch
  // reads the file again. Does nothing unless `part` lies in this mapping.
  void Drop(std::span<const char> part) const;

 private:
  MappedFile(std::span<char> bytes, std::uint64_t changed_unix_ns)
      : bytes_(bytes), changed_unix_ns_(changed_unix_ns) {}

  std::span<char> bytes_;
  std::uint64_t changed_unix_ns_ = 0;
};

}  // namespace limpet
