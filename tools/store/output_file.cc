#include "tools/store/output_file.h"

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
#include "tools/store/temporary_file.h"

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

}  // namespace

OutputFile::OutputFile(const std::string& path)
    : path_(path), folder_(FolderOf(path)), temporary_(TemporaryPath(folder_)) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      folder_(std::move(other.folder_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
}

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path) {
  OutputFile file(path);
  unlink(file.temporary_.c_str());  // of a process that had our PID and was killed
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  file.descriptor_ = open(file.temporary_.c_str(), kFlags, 0666);
  if (file.descriptor_ < 0) return Refusal(errno, file.folder_);
  return file;
}

absl::Status OutputFile::WriteAt(std::uint64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Refusal(errno, folder_);
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::SetBytes(std::uint64_t bytes) {
  if (ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0) return absl::OkStatus();
  return Refusal(errno, folder_);
}

absl::Status OutputFile::SetModifiedTime(std::int64_t unix_ns) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  const timespec modified = {unix_ns / kNsPerSecond, unix_ns % kNsPerSecond};
  const timespec times[] = {modified, modified};
  if (futimens(descriptor_, times) == 0) return absl::OkStatus();
  return Refusal(errno, folder_);
}

absl::Status OutputFile::Commit() {
  int error = fsync(descriptor_) == 0 ? 0 : errno;
  if (close(std::exchange(descriptor_, -1)) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary_.c_str(), path_.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary_.c_str());
    return Refusal(error, folder_);
  }
  FlushDirectory(folder_);
  return absl::OkStatus();
}

absl::Status WriteOutputFile(const std::string& path, const std::string& bytes) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(path);
  if (!file.ok()) return file.status();
  absl::Status status = file->WriteAt(0, bytes);
  return status.ok() ? file->Commit() : status;
}

absl::Status MakeDirectory(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error && !std::filesystem::is_directory(path)) return Refusal(error.value(), path);
  return absl::OkStatus();
}

void AppendLine(const std::string& path, const std::string& line) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int descriptor = open(path.c_str(), kFlags, 0666);
  struct stat facts = {};
  const bool is_own = descriptor >= 0 && fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) &&
                      facts.st_uid == geteuid();
  if (is_own) WriteAll(descriptor, line + "\n");
  if (descriptor >= 0) close(descriptor);
}

absl::Status WriteStandardOutput(const std::string& bytes) {
  const int error = WriteAll(STDOUT_FILENO, bytes);
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, "cannot write to standard output");
}

absl::StatusOr<DirectoryLock> DirectoryLock::Try(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Refusal(errno, directory);
  DirectoryLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return lock;
  return absl::UnavailableError(absl::StrFormat("%s is locked", directory));
}

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const std::string& directory) {
  for (int attempt = 0; attempt < kLockTries; ++attempt) {
    absl::StatusOr<DirectoryLock> lock = Try(directory);
    if (!absl::IsUnavailable(lock.status())) return lock;
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
