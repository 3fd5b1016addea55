#include "tools/store/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "tools/store/temporary_file.h"

namespace limpet {
namespace {

constexpr auto kLockPause = std::chrono::milliseconds(10);
constexpr int kLockTries = 500;  // 5 s: a dump holds the lock only while it writes

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

}  // namespace

OutputFile::OutputFile(const OpenFolder& folder, std::string name)
    : folder_(&folder), name_(std::move(name)), temporary_(TemporaryName()) {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : folder_(other.folder_),
      name_(std::move(other.name_)),
      temporary_(std::move(other.temporary_)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  folder_->Remove(temporary_);
}

absl::StatusOr<OutputFile> OutputFile::Create(const OpenFolder& folder, const std::string& name) {
  OutputFile file(folder, name);
  folder.Remove(file.temporary_);  // of a process that had our PID and was killed
  file.descriptor_ = folder.OpenFile(file.temporary_, O_WRONLY | O_CREAT | O_EXCL);
  if (file.descriptor_ < 0) return Refusal(errno, folder.path());
  return file;
}

absl::Status OutputFile::WriteAt(std::uint64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Refusal(errno, folder_->path());
    bytes.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return absl::OkStatus();
}

absl::Status OutputFile::SetBytes(std::uint64_t bytes) {
  if (ftruncate(descriptor_, static_cast<off_t>(bytes)) == 0) return absl::OkStatus();
  return Refusal(errno, folder_->path());
}

absl::Status OutputFile::SetModifiedTime(std::int64_t unix_ns) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  const timespec modified = {unix_ns / kNsPerSecond, unix_ns % kNsPerSecond};
  const timespec times[] = {modified, modified};
  if (futimens(descriptor_, times) == 0) return absl::OkStatus();
  return Refusal(errno, folder_->path());
}

absl::Status OutputFile::Commit() {
  int error = fsync(descriptor_) == 0 ? 0 : errno;
  if (close(std::exchange(descriptor_, -1)) != 0 && error == 0) error = errno;
  if (error == 0 && !folder_->Rename(temporary_, name_)) error = errno;
  if (error != 0) {
    folder_->Remove(temporary_);
    return Refusal(error, folder_->path());
  }
  fsync(folder_->descriptor());  // a rename is on the disk only when its directory is
  return absl::OkStatus();
}

absl::Status WriteOutputFile(const OpenFolder& folder, const std::string& name,
                             const std::string& bytes) {
  absl::StatusOr<OutputFile> file = OutputFile::Create(folder, name);
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

absl::StatusOr<OpenFolder> OpenDirectory(const std::string& path) {
  const absl::Status status = MakeDirectory(path);
  if (!status.ok()) return status;
  std::optional<OpenFolder> folder = OpenFolder::OpenNamed(path);
  if (!folder.has_value()) return Refusal(errno, path);
  return *std::move(folder);
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

absl::StatusOr<DirectoryLock> DirectoryLock::Try(const OpenFolder& folder) {
  // Of its own, so that the lock goes with it.
  const int descriptor = folder.OpenFile(".", O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return Refusal(errno, folder.path());
  DirectoryLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return lock;
  return absl::UnavailableError(absl::StrFormat("%s is locked", folder.path()));
}

absl::StatusOr<DirectoryLock> DirectoryLock::Take(const OpenFolder& folder) {
  for (int attempt = 0; attempt < kLockTries; ++attempt) {
    absl::StatusOr<DirectoryLock> lock = Try(folder);
    if (!absl::IsUnavailable(lock.status())) return lock;
    std::this_thread::sleep_for(kLockPause);
  }
  return absl::DeadlineExceededError(absl::StrFormat(
      "%s stays locked by another limpet dump: look for one that is stopped", folder.path()));
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);  // which also unlocks
}

}  // namespace limpet
