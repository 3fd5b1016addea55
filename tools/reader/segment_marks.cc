#include "tools/reader/segment_marks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "absl/strings/str_format.h"
#include "runtime/layout/segment.h"

namespace limpet {
namespace {

constexpr std::size_t kWatchStateOffset = offsetof(SegmentHeader, watch_state);

template <typename Value>
Value ReadValue(int file, std::size_t offset) {
  Value value{};
  const bool is_read =
      pread(file, &value, sizeof(value), static_cast<off_t>(offset)) == ssize_t{sizeof(value)};
  return is_read ? value : Value{};
}

template <typename Value>
bool WriteValue(int file, std::size_t offset, Value value) {
  return pwrite(file, &value, sizeof(value), static_cast<off_t>(offset)) == ssize_t{sizeof(value)};
}

template <typename Value>
bool WriteValue(int file, std::size_t offset, const std::optional<Value>& value) {
  return !value.has_value() || WriteValue(file, offset, *value);
}

bool IsSegment(int file, const struct stat& facts) {
  return S_ISREG(facts.st_mode) && facts.st_size >= off_t{sizeof(SegmentHeader)} &&
         ReadValue<std::uint64_t>(file, offsetof(SegmentHeader, magic)) == kSegmentMagic &&
         ReadValue<std::uint32_t>(file, offsetof(SegmentHeader, abi_version)) == kSegmentVersion;
}

bool WriteAnswered(int file, std::uint32_t answered) {
  constexpr std::size_t kOffset = kWatchStateOffset + offsetof(WatchState, answered_requests);
  const auto ahead = static_cast<std::int32_t>(answered - ReadValue<std::uint32_t>(file, kOffset));
  return ahead <= 0 || WriteValue(file, kOffset, answered);
}

// The beat comes last: it makes the others count.
bool WriteLiving(int file, const SegmentMarks& marks) {
  return (!marks.answered_requests.has_value() || WriteAnswered(file, *marks.answered_requests)) &&
         WriteValue(file, offsetof(SegmentHeader, done_dump_pid), marks.done_dump_pid) &&
         WriteValue(file, offsetof(SegmentHeader, watcher_pid), marks.watcher_pid) &&
         WriteValue(file, kWatchStateOffset + offsetof(WatchState, beat_ns), marks.beat_ns);
}

bool WriteEnd(int file, const std::optional<ProcessEnd>& end) {
  return !end.has_value() || (WriteValue(file, offsetof(SegmentHeader, end_status), end->status) &&
                              WriteValue(file, offsetof(SegmentHeader, oom_kills), end->oom_kills));
}

bool WriteDead(int file, const SegmentMarks& marks) {
  const std::optional<std::uint32_t> has_profile =
      marks.has_last_profile ? std::optional<std::uint32_t>(1) : std::nullopt;
  return WriteValue(file, kWatchStateOffset + offsetof(WatchState, has_last_profile),
                    has_profile) &&
         WriteValue(file, offsetof(SegmentHeader, found_dead_unix_ns), marks.found_dead_unix_ns) &&
         WriteEnd(file, marks.end);
}

bool RestoreTime(int file, const struct stat& facts) {
  const timespec times[] = {{0, UTIME_OMIT}, facts.st_mtim};
  return futimens(file, times) == 0;
}

absl::Status WriteInto(int file, const std::string& path, const SegmentMarks& marks) {
  struct stat facts = {};
  if (fstat(file, &facts) != 0 || !IsSegment(file, facts)) {
    return absl::DataLossError(absl::StrFormat("%s is no limpet segment", path));
  }
  const bool is_written = WriteLiving(file, marks) && WriteDead(file, marks);
  const bool is_of_the_living = marks.beat_ns.has_value();
  if (is_written && (is_of_the_living || RestoreTime(file, facts))) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrFormat("cannot write into %s", path));
}

}  // namespace

absl::Status WriteMarks(const std::string& path, const SegmentMarks& marks) {
  // O_NONBLOCK: opening a pipe must not wait; a regular file ignores it.
  const int file = open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return absl::ErrnoToStatus(errno, absl::StrFormat("cannot write %s", path));
  absl::Status status = WriteInto(file, path, marks);
  close(file);
  return status;
}

}  // namespace limpet
