#include "tools/watch/watch_seat.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/setting/watch_key.h"
#include "tools/reader/small_file.h"

namespace limpet {
namespace {

constexpr int kTries = 100;  // each is lost to a companion that leaves at that very moment
constexpr auto kLeavePause = std::chrono::milliseconds(10);

bool IsStillThere(int descriptor, const std::string& path) {
  struct stat held = {};
  struct stat named = {};
  return fstat(descriptor, &held) == 0 && lstat(path.c_str(), &named) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

// It has said so by a beat of 0, and is only looking around once more.
bool IsLeaving(int descriptor) {
  WatchLock lock = {};
  return pread(descriptor, &lock, sizeof(lock), 0) == sizeof(lock) && lock.beat_ns == 0;
}

// Another user's could be given segments of processes that are not theirs.
absl::Status CheckDirectory(const std::string& directory) {
  mkdir(directory.c_str(), 0700);
  struct stat facts = {};
  const bool is_own =
      lstat(directory.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == geteuid();
  if (is_own) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(directory, " is no directory of user ", geteuid(),
                                                  "'s own; name one with LIMPET_RUNTIME_DIR"));
}

absl::Status Refusal(const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
}

}  // namespace

WatchSeat::WatchSeat(int descriptor, std::string path)
    : descriptor_(descriptor), path_(std::move(path)) {}

WatchSeat::WatchSeat(WatchSeat&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

WatchSeat::~WatchSeat() {
  if (descriptor_ < 0) return;
  if (IsStillThere(descriptor_, path_)) unlink(path_.c_str());
  close(descriptor_);
}

absl::StatusOr<WatchSeat> WatchSeat::Take(const std::string& directory, std::uint64_t key) {
  if (absl::Status status = CheckDirectory(directory); !status.ok()) return status;
  char name[kWatchLockNameBytes];
  WriteWatchLockName(key, name);
  const std::string path = absl::StrCat(directory, "/", name);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (descriptor < 0) return Refusal(path);
    const bool is_locked = flock(descriptor, LOCK_EX | LOCK_NB) == 0;
    if (is_locked && IsStillThere(descriptor, path)) return WatchSeat(descriptor, path);
    const bool is_anothers = !is_locked && !IsLeaving(descriptor);
    close(descriptor);
    if (is_anothers) return absl::AlreadyExistsError("another limpet watches here: " + path);
    if (!is_locked) std::this_thread::sleep_for(kLeavePause);
  }
  return absl::UnavailableError(absl::StrCat(path, " goes away as often as it is made"));
}

void WatchSeat::Beat(std::uint64_t now_ns) const {
  const WatchLock lock = {now_ns, static_cast<std::uint32_t>(getpid()), 0};
  // Nobody to tell where it fails: a seat without a beat is one that others replace.
  [[maybe_unused]] const ssize_t written = pwrite(descriptor_, &lock, sizeof(lock), 0);
}

std::uint64_t OwnWatchKey() {
  struct stat pid_namespace = {};
  if (stat("/proc/self/ns/pid", &pid_namespace) != 0) pid_namespace.st_ino = 0;
  const std::string cgroups = ReadSmallFile("/proc/self/cgroup").value_or("");
  return AddToWatchKey(StartWatchKey(pid_namespace.st_ino), cgroups.data(), cgroups.size());
}

}  // namespace limpet
