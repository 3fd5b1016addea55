#include "tools/reader/segment_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"

namespace limpet {

SegmentFile::SegmentFile(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

SegmentFile::SegmentFile(SegmentFile&& other) noexcept { *this = std::move(other); }

SegmentFile& SegmentFile::operator=(SegmentFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  size_bytes_ = other.size_bytes_;
  allocated_bytes_ = other.allocated_bytes_;
  node_ = other.node_;
  owner_uid_ = other.owner_uid_;
  has_given_up_rights_ = other.has_given_up_rights_;
  modified_unix_ns_ = other.modified_unix_ns_;
  return *this;
}

SegmentFile::~SegmentFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<SegmentFile> SegmentFile::Open(const std::string& path) {
  // O_NONBLOCK: opening a pipe must not wait for its writer; a regular file ignores it.
  const int descriptor = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot open %s", path));
  SegmentFile file(descriptor, path);
  (void)flock(descriptor, LOCK_SH | LOCK_NB);  // without one it is read all the same
  absl::Status status = file.LearnFacts();
  if (!status.ok()) return status;
  return file;
}

absl::StatusOr<SegmentFile> SegmentFile::Adopt(int descriptor) {
  SegmentFile file(descriptor, absl::StrFormat("descriptor %d", descriptor));
  absl::Status status = file.LearnFacts();
  if (!status.ok()) return status;
  return file;
}

absl::Status SegmentFile::LearnFacts() {
  struct stat facts = {};
  if (fstat(descriptor_, &facts) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot stat %s", path_));
  }
  if (!S_ISREG(facts.st_mode)) {
    return absl::DataLossError(absl::StrFormat("%s is not a regular file", path_));
  }
  size_bytes_ = static_cast<std::uint64_t>(facts.st_size);
  allocated_bytes_ = static_cast<std::uint64_t>(facts.st_blocks) * 512;
  node_ = {.device = facts.st_dev, .inode = facts.st_ino};
  owner_uid_ = facts.st_uid;
  has_given_up_rights_ = (facts.st_mode & kRightsGivenUpMode) != 0;
  modified_unix_ns_ = static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1'000'000'000 +
                      static_cast<std::uint64_t>(facts.st_mtim.tv_nsec);
  return absl::OkStatus();
}

// A lease for reading is given where nobody has the file open for writing. Who opens it so in the
// moment that we have one would be told by a signal, here one that is ignored.
std::optional<bool> SegmentFile::HasWriter() const {
  if (fcntl(descriptor_, F_SETSIG, SIGURG) != 0) return std::nullopt;
  if (fcntl(descriptor_, F_SETLEASE, F_RDLCK) == 0) {
    fcntl(descriptor_, F_SETLEASE, F_UNLCK);
    return false;
  }
  return errno == EAGAIN ? std::optional<bool>(true) : std::nullopt;
}

absl::Status SegmentFile::ReadAt(std::uint64_t offset, void* to, std::size_t bytes) const {
  if (offset > size_bytes_ || bytes > size_bytes_ - offset) {
    return absl::DataLossError(absl::StrFormat("%s is cut off: %d bytes at %d wanted, it has %d",
                                               path_, bytes, offset, size_bytes_));
  }
  auto* next = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got = pread(descriptor_, next, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot read %s", path_));
    if (got == 0) {
      return absl::DataLossError(absl::StrFormat("%s was cut off at %d", path_, offset));
    }
    next += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return absl::OkStatus();
}

}  // namespace limpet
