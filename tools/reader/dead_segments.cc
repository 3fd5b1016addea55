#include "tools/reader/dead_segments.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "runtime/layout/dead_segments.h"
#include "tools/reader/clock.h"
#include "tools/reader/living_processes.h"
#include "tools/reader/section_copy.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_marks.h"

namespace limpet {
namespace {

struct DeadSegment {
  std::string path;
  std::uint64_t bytes = 0;
  DeadSegmentAge age;
};

// Left by one that ended by itself for a dump that is still to be written.
bool IsAwaited(const SegmentHeader& header) {
  return header.dump_requests.load() != header.watch_state.answered_requests.load() &&
         header.watch_state.has_last_profile.load() == 0;
}

// Of both there is one in each segment, which tells nothing: no sample's site, and the main thread.
bool IsEmpty(const SegmentHeader& header) {
  return (header.state.load() == SegmentState::kExited && !IsAwaited(header)) ||
         (FindSection(header, SectionKind::kSites).count <= 1 &&
          FindSection(header, SectionKind::kThreads).count <= 1);
}

// One look at all directories.
class Tidying {
 public:
  void Add(const SegmentEntry& entry) {
    absl::StatusOr<SegmentFile> file = SegmentFile::Open(entry.path);
    if (!file.ok() || file->owner_uid() != geteuid()) return;
    SegmentHeader header{};
    if (!ReadHeader(*file, header).ok()) return AddHeaderless(entry, *file);
    NoteSettings(header);
    if (!IsSurelyDead(*file, header)) return;
    dead_.push_back({.path = entry.path,
                     .bytes = file->allocated_bytes(),
                     .age = {.is_empty = IsEmpty(header),
                             .has_last_profile = header.watch_state.has_last_profile.load() != 0,
                             .found_dead_unix_ns = header.found_dead_unix_ns,
                             .modified_unix_ns = file->modified_unix_ns()}});
  }

  void RemoveBeyond(std::optional<std::uint64_t> max_segments) {
    for (const std::string& path : headerless_) RemoveUnreadSegment(path);
    for (DeadSegment& segment : dead_) NoteFoundDead(segment);
    std::sort(dead_.begin(), dead_.end(), [this](const DeadSegment& a, const DeadSegment& b) {
      return a.age.GoesBefore(b.age, now_unix_ns_);
    });
    std::uint64_t count = dead_.size();
    std::uint64_t bytes = 0;
    for (const DeadSegment& segment : dead_) bytes += segment.bytes;
    for (const DeadSegment& segment : dead_) {
      const bool must_go = count > max_segments.value_or(chosen_max_) || bytes > kMaxDeadBytes ||
                           segment.age.IsTooOld(now_unix_ns_);
      if (!must_go || !RemoveUnreadSegment(segment.path)) continue;
      --count;
      bytes -= segment.bytes;
    }
  }

 private:
  void AddHeaderless(const SegmentEntry& entry, const SegmentFile& file) {
    if (CanNeverBegin(file)) headerless_.push_back(entry.path);
  }

  // Settings without a LIMPET_KEEP are none at all.
  void NoteSettings(const SegmentHeader& header) {
    const WatchSettings& settings = header.watch_settings;
    if (settings.max_dumps == 0 || header.created_unix_ns < newest_unix_ns_) return;
    newest_unix_ns_ = header.created_unix_ns;
    chosen_max_ = settings.max_dead_segments;
  }

  bool IsSurelyDead(const SegmentFile& file, const SegmentHeader& header) const {
    const SegmentOwner owner = {.pid = header.pid,
                                .start_ticks = header.start_ticks,
                                .pid_namespace = header.pid_namespace,
                                .has_writer = file.HasWriter()};
    const bool is_ours = owner.pid_namespace != 0 && owner.pid_namespace == living_.own_namespace();
    return living_.LifeOf(owner) == Life::kDead && (is_ours || owner.has_writer == false);
  }

  void NoteFoundDead(DeadSegment& segment) const {
    if (segment.age.found_dead_unix_ns != 0) return;
    segment.age.found_dead_unix_ns = now_unix_ns_;
    // A file that may not be written ages by number and bytes alone.
    WriteMarks(segment.path, {.found_dead_unix_ns = now_unix_ns_}).IgnoreError();
  }

  LivingProcesses living_ = LivingProcesses::Read();
  std::uint64_t now_unix_ns_ = UnixNs();
  std::uint64_t newest_unix_ns_ = 0;
  std::uint64_t chosen_max_ = kDefaultMaxDeadSegments;
  std::vector<DeadSegment> dead_;
  std::vector<std::string> headerless_;
};

bool IsOwn(int file, const std::optional<FileNode>& known) {
  struct stat facts = {};
  if (fstat(file, &facts) != 0 || facts.st_uid != geteuid()) return false;
  return !known.has_value() || *known == FileNode{facts.st_dev, facts.st_ino};
}

// A file system without locks has no readers that could ask for one.
bool IsRead(int file) { return flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK; }

bool RemoveUnreadIn(int folder, const std::string& name, const std::optional<FileNode>& known) {
  const int file = openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  const bool is_removed =
      IsOwn(file, known) && !IsRead(file) && unlinkat(folder, name.c_str(), 0) == 0;
  close(file);
  return is_removed;
}

}  // namespace

void RemoveOldDeadSegments(const std::vector<std::string>& directories,
                           std::optional<std::uint64_t> max_segments) {
  const std::vector<SegmentEntry> entries = ListSegments(directories);
  if (entries.empty()) return;
  Tidying tidying;
  for (const SegmentEntry& entry : entries) tidying.Add(entry);
  tidying.RemoveBeyond(max_segments);
}

bool CanNeverBegin(const SegmentFile& file) {
  SegmentHeader header{};
  return absl::IsUnavailable(ReadHeader(file, header)) && file.HasWriter() == false;
}

bool RemoveUnreadSegment(const std::string& path, std::optional<FileNode> known) {
  const std::filesystem::path place = path;
  // Held: what is looked at and what is removed lie in the same one.
  const std::string parent = place.has_parent_path() ? place.parent_path().string() : ".";
  const int folder = open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return false;
  const bool is_removed = RemoveUnreadIn(folder, place.filename(), known);
  close(folder);
  return is_removed;
}

}  // namespace limpet
