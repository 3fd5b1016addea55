#include "tools/cli/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"

namespace limpet {
namespace {

constexpr auto kLockPause = std::chrono::milliseconds(10);
constexpr int kLockTries = 500;  // 5 s: a dump holds the lock only while it writes

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Every refusal of the system names the directory and what to do, whatever call it came from.
absl::Status Refusal(int error, const std::string& folder) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "cannot write into %s: %s; make room, or choose another place with -o", folder, reason));
  }
  if (error == EACCES || error == EPERM || error == EROFS) {
    return absl::PermissionDeniedError(
        absl::StrFormat("cannot write into %s: %s; choose another place with -o", folder, reason));
  }
  return absl::ErrnoToStatus(error, absl::StrFormat("cannot write into %s", folder));
}

// Returns an errno, 0 when all is written.
int WriteAll(int descriptor, const std::string& bytes) {
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t put = write(descriptor, bytes.data() + written, bytes.size() - written);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    written += static_cast<std::size_t>(put);
  }
  return 0;
}

// A rename is on the disk only when its directory is.
void FlushDirectory(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

int WriteTemporary(const std::string& temporary, const std::string& bytes) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int descriptor = open(temporary.c_str(), kFlags, 0666);
  if (descriptor < 0) return errno;
  int error = WriteAll(descriptor, bytes);
  if (error == 0 && fsync(descriptor) != 0) error = errno;
  if (close(descriptor) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

absl::Status WriteOutputFile(const std::string& path, const std::string& bytes) {
  const std::string folder = FolderOf(path);
  const std::string name = std::filesystem::path(path).filename().string();
  const std::string temporary = absl::StrFormat("%s/.limpet-%d.tmp", folder, getpid());
  unlink(temporary.c_str());  // of a process that had our PID and was killed
  int error = WriteTemporary(temporary, bytes);
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return Refusal(error, folder);
  }
  FlushDirectory(folder);
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error && !std::filesystem::is_directory(path)) return Refusal(error.value(), path);
  return absl::OkStatus();
}

absl::Status WriteStandardOutput(const std::string& bytes) {
  const int error = WriteAll(STDOUT_FILENO, bytes);
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, "cannot write to standard output");
}

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Refusal(errno, directory);
  DirectoryLock lock(descriptor);
  for (int attempt = 0; attempt < kLockTries; ++attempt) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return lock;
    std::this_thread::sleep_for(kLockPause);
  }
  return absl::DeadlineExceededError(absl::StrFormat(
      "%s stays locked by another limpet dump: look for one that is stopped", directory));
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);  // which also unlocks
}

}  // namespace limpet
