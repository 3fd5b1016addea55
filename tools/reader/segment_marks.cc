#include "tools/reader/segment_marks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "runtime/layout/segment.h"

namespace limpet {
namespace {

struct Mark {
  std::size_t offset;
  std::uint64_t value;
  std::size_t bytes;
};

constexpr std::size_t kStateOffset = offsetof(SegmentHeader, watch_state);

bool IsSegment(int descriptor) {
  struct stat facts = {};
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  return fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode) &&
         pread(descriptor, &magic, sizeof(magic), 0) == sizeof(magic) && magic == kSegmentMagic &&
         pread(descriptor, &version, sizeof(version), offsetof(SegmentHeader, abi_version)) ==
             sizeof(version) &&
         version == kSegmentVersion &&
         facts.st_size >= static_cast<off_t>(kSegmentPageBytes);  // a write must not make it longer
}

absl::Status Write(const std::string& path, std::initializer_list<Mark> marks) {
  const int descriptor = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  absl::Status status;
  if (!IsSegment(descriptor)) status = absl::DataLossError(absl::StrCat(path, " is no segment"));
  for (const Mark& mark : marks) {
    const auto offset = static_cast<off_t>(mark.offset);
    if (status.ok() && pwrite(descriptor, &mark.value, mark.bytes, offset) < 0) {
      status = absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", path));
    }
  }
  close(descriptor);
  return status;
}

}  // namespace

absl::Status MarkWatched(const std::string& path, std::uint32_t watcher_pid,
                         std::uint64_t beat_ns) {
  return Write(path, {{kStateOffset + offsetof(WatchState, beat_ns), beat_ns, 8},
                      {offsetof(SegmentHeader, watcher_pid), watcher_pid, 4}});
}

absl::Status MarkAnswered(const std::string& path, std::uint32_t dump_requests) {
  return Write(path, {{kStateOffset + offsetof(WatchState, answered_requests), dump_requests, 4}});
}

absl::Status MarkLastProfile(const std::string& path) {
  return Write(path, {{kStateOffset + offsetof(WatchState, has_last_profile), 1, 4}});
}

}  // namespace limpet
