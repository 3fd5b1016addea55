#include "tools/watch/segment_scan.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <utility>

namespace limpet {
namespace {

constexpr std::uint64_t kPauseNs = 50'000'000;
constexpr std::uint64_t kAnywayNs = 10'000'000'000;

int WatchDirectory(const std::string& directory) {
  const int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (descriptor < 0) return -1;
  if (inotify_add_watch(descriptor, directory.c_str(), IN_CREATE | IN_MOVED_TO) >= 0)
    return descriptor;
  close(descriptor);  // it would say nothing
  return -1;
}

}  // namespace

SegmentScan::SegmentScan(std::string directory)
    : directory_(std::move(directory)), changes_(WatchDirectory(directory_)) {}

SegmentScan::~SegmentScan() {
  if (changes_ >= 0) close(changes_);
}

void SegmentScan::NoteChanges() {
  char buffer[4096];
  while (read(changes_, buffer, sizeof(buffer)) > 0) {
  }
  Ask();
}

void SegmentScan::AskIfLate(std::uint64_t now_ns) {
  if (changes_ < 0 || now_ns >= next_ns_ + kAnywayNs) Ask();
}

std::vector<SegmentEntry> SegmentScan::List(std::uint64_t now_ns) {
  is_asked_ = false;
  next_ns_ = now_ns + kPauseNs;
  return ListSegments({directory_});
}

}  // namespace limpet
