#include "tools/reader/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_format.h"

namespace limpet {
namespace {

// What is read into is zeroed first: little for the many small files, and never much for long ones,
// of which /proc gives no more than a page at a time.
constexpr std::size_t kLeastReadBytes = 4096;
constexpr std::size_t kMostReadBytes = 64UL * 1024;

absl::Status CheckOwner(int descriptor, const std::string& path, const FileLimits& limits) {
  if (!limits.must_be_regular && !limits.owner_uid.has_value()) return absl::OkStatus();
  struct stat facts = {};
  if (fstat(descriptor, &facts) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrFormat("cannot stat %s", path));
  }
  if (limits.must_be_regular && !S_ISREG(facts.st_mode)) {
    return absl::DataLossError(absl::StrFormat("%s is not a regular file", path));
  }
  if (limits.owner_uid.has_value() && facts.st_uid != *limits.owner_uid) {
    return absl::PermissionDeniedError(absl::StrFormat("%s belongs to uid %d, expected %d", path,
                                                       facts.st_uid, *limits.owner_uid));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadAll(int descriptor, const std::string& path,
                                    const FileLimits& limits) {
  std::string text;
  while (text.size() < limits.max_bytes) {
    const std::size_t before = text.size();
    const std::size_t more = std::clamp(before, kLeastReadBytes, kMostReadBytes);
    text.resize(before + std::min(more, limits.max_bytes - before));
    const ssize_t got = read(descriptor, text.data() + before, text.size() - before);
    text.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot read %s", path));
    if (got == 0 || limits.is_one_piece) break;
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path, const FileLimits& limits) {
  const int links = limits.must_be_regular ? O_NOFOLLOW : 0;
  const int descriptor = openat(limits.folder.value_or(AT_FDCWD), path.c_str(),
                                O_RDONLY | O_CLOEXEC | O_NONBLOCK | links);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot open %s", path));
  const absl::Status owner = CheckOwner(descriptor, path, limits);
  absl::StatusOr<std::string> text;
  if (owner.ok()) {
    text = ReadAll(descriptor, path, limits);
  } else {
    text = owner;
  }
  close(descriptor);
  return text;
}

}  // namespace limpet
