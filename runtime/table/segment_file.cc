#include "runtime/table/segment_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>

#include "runtime/layout/segment.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

constexpr std::uint64_t kSmallestSegment = 1 << 20;
constexpr int kMaxRemovedAtOnce = 4;     // a process that starts does not tidy for long
constexpr int kMaxListedEntries = 4096;  // a directory of more segments is not ours to study

// Opens the directory, which must be the user's own: another user's could be swapped under us.
int OpenDirectory(const char* path) {
  long directory =
      RawSyscall(SYS_open, AsArgument(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (Failed(directory)) return -1;
  struct stat status = {};
  long result = RawSyscall(SYS_fstat, directory, AsArgument(&status));
  bool is_own = !Failed(result) && status.st_uid == static_cast<uid_t>(RawSyscall(SYS_geteuid));
  if (is_own) return static_cast<int>(directory);
  RawSyscall(SYS_close, directory);
  return -1;
}

using EntryName = sys::FixedText<64>;

// What a runtime directory holds.
struct Tally {
  std::uint64_t bytes = 0;  // of all segments
  std::uint64_t dead = 0;
  std::uint64_t dead_bytes = 0;
  std::int64_t oldest_dead_time = 0;
  EntryName oldest_dead;
  bool has_header_alone = false;  // a dead one is that small
  bool has_exited = false;        // `oldest_dead` ended by itself, and is no evidence
};

// True for "<pid>-<ticks>.segment" of a pid that no process of our namespace has.
bool IsOfDeadProcess(const char* name) {
  long pid = 0;
  const char* at = name;
  for (; *at >= '0' && *at <= '9' && pid < 1 << 28; ++at) pid = pid * 10 + (*at - '0');
  return at != name && *at == '-' && RawSyscall(SYS_kill, pid, 0) == -ESRCH;
}

// What a segment says of itself.
struct Words {
  std::uint64_t magic = 0;
  SegmentState state = SegmentState::kBuilding;
  std::uint64_t pid_namespace = 0;

  // A pid that is not here may be alive in another container that shares the directory.
  bool IsOfOurNamespace() const {
    return magic == kSegmentMagic && pid_namespace == sys::PidNamespace();
  }
};

template <class Word>
void ReadWord(long file, std::size_t offset, Word* word) {
  RawSyscall(SYS_pread64, file, AsArgument(word), sizeof(*word), static_cast<long>(offset));
}

Words ReadWords(int directory, const char* name) {
  Words words;
  long file =
      RawSyscall(SYS_openat, directory, AsArgument(name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (Failed(file)) return words;
  ReadWord(file, 0, &words.magic);
  ReadWord(file, offsetof(SegmentHeader, state), &words.state);
  ReadWord(file, offsetof(SegmentHeader, pid_namespace), &words.pid_namespace);
  RawSyscall(SYS_close, file);
  return words;
}

// Names alone tell how many may be dead; that they are takes a look inside.
enum class Look : bool { kAtNames, kInside };

void SetName(const char* name, EntryName* entry) {
  entry->Clear();
  entry->Append(name);
}

void AddEntry(int directory, const char* name, Look look, Tally* tally) {
  struct stat status = {};
  long result = RawSyscall(SYS_newfstatat, directory, AsArgument(name), AsArgument(&status),
                           AT_SYMLINK_NOFOLLOW);
  if (Failed(result) || !S_ISREG(status.st_mode)) return;
  std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  tally->bytes += bytes;
  if (!IsOfDeadProcess(name)) return;
  if (bytes <= kSegmentPageBytes) tally->has_header_alone = true;
  if (look == Look::kInside) {
    Words words = ReadWords(directory, name);
    if (!words.IsOfOurNamespace()) return;
    if (words.state == SegmentState::kExited) {
      tally->has_exited = true;
      return SetName(name, &tally->oldest_dead);
    }
  }
  ++tally->dead;
  tally->dead_bytes += bytes;
  if (tally->has_exited) return;
  if (tally->oldest_dead.size() != 0 && status.st_mtime >= tally->oldest_dead_time) return;
  tally->oldest_dead_time = status.st_mtime;
  SetName(name, &tally->oldest_dead);
}

Tally ReadDirectory(int directory, Look look) {
  // On the program's stack, so only for the largest entry or five of ours.
  alignas(8) char buffer[19 + NAME_MAX + 1 + 5];
  Tally tally;
  RawSyscall(SYS_lseek, directory, 0, SEEK_SET);
  for (int listed = 0; listed < kMaxListedEntries;) {
    long filled = RawSyscall(SYS_getdents64, directory, AsArgument(buffer), sizeof(buffer));
    if (Failed(filled) || filled == 0) break;
    for (long at = 0; at < filled; ++listed) {
      // struct linux_dirent64: inode, offset, record length (u16 at 16), type, name at 19
      std::uint16_t record_bytes;
      memcpy(&record_bytes, buffer + at + 16, sizeof(record_bytes));
      AddEntry(directory, buffer + at + 19, look, &tally);
      at += record_bytes;
    }
  }
  return tally;
}

bool IsWithinBounds(const Tally& tally) {
  return !tally.has_exited && tally.dead <= kMaxDeadSegments && tally.dead_bytes <= kMaxDeadBytes;
}

// Reads the directory and removes what says that it ended by itself, but could not be removed by
// its process; then dead segments, oldest first, until the rest is within bounds.
Tally ReadTidiedDirectory(int directory) {
  Tally tally = ReadDirectory(directory, Look::kAtNames);
  if (IsWithinBounds(tally) && !tally.has_header_alone) return tally;
  tally = ReadDirectory(directory, Look::kInside);
  for (int removed = 0; removed < kMaxRemovedAtOnce && !IsWithinBounds(tally); ++removed) {
    RawSyscall(SYS_unlinkat, directory, AsArgument(tally.oldest_dead.c_str()), 0);
    tally = ReadDirectory(directory, Look::kInside);
  }
  return tally;
}

// Bytes that segments may still take: our share of the free space less what all of them have.
std::uint64_t Room(int directory, const Tally& all) {
  struct statfs fs = {};
  if (Failed(RawSyscall(SYS_fstatfs, directory, AsArgument(&fs)))) return 0;
  std::uint64_t free_bytes = fs.f_bavail * static_cast<std::uint64_t>(fs.f_bsize);
  std::uint64_t share = (free_bytes + all.bytes) / 4;
  return share > all.bytes ? share - all.bytes : 0;
}

std::uint64_t LimitOf(int resource) {
  rlimit limit = {};
  long result = RawSyscall(SYS_prlimit64, 0, resource, 0, AsArgument(&limit));
  return Failed(result) ? RLIM_INFINITY : limit.rlim_cur;
}

// Of what a limit of memory leaves; it is the program's, which would see its own calls refused. The
// private tables take up to two thirds of a segment's size, so that all is a tenth of what is left.
std::uint64_t ShareOfMemory(int resource, std::uint64_t (*read_used)()) {
  constexpr std::uint64_t kShare = 16;
  std::uint64_t limit = LimitOf(resource);
  if (limit == RLIM_INFINITY) return limit;
  std::uint64_t used = read_used();
  return used == 0 || used > limit ? 0 : (limit - used) / kShare;
}

std::uint64_t AllowedBytes(int directory, std::uint64_t wanted) {
  std::uint64_t bytes = wanted;
  for (std::uint64_t bound : {Room(directory, ReadTidiedDirectory(directory)),
                              LimitOf(RLIMIT_FSIZE),  // growing beyond it would send SIGXFSZ
                              ShareOfMemory(RLIMIT_AS, sys::AddressSpaceBytes),
                              ShareOfMemory(RLIMIT_DATA, sys::PrivateDataBytes)})
    bytes = bound < bytes ? bound : bytes;
  return bytes & ~(kSegmentPageBytes - 1);
}

int CreateExclusively(int directory, const char* name) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  long file = RawSyscall(SYS_openat, directory, AsArgument(name), kFlags, 0600);
  if (file != -EEXIST) return Failed(file) ? -1 : static_cast<int>(file);
  // The same pid and start time: a program image before the last exec left it.
  RawSyscall(SYS_unlinkat, directory, AsArgument(name), 0);
  file = RawSyscall(SYS_openat, directory, AsArgument(name), kFlags, 0600);
  return Failed(file) ? -1 : static_cast<int>(file);
}

bool CreateInside(int directory, const char* name, std::uint64_t wanted_bytes, SegmentFile* file) {
  file->bytes = AllowedBytes(directory, wanted_bytes);
  if (file->bytes < kSmallestSegment) return false;
  file->descriptor = CreateExclusively(directory, name);
  if (file->descriptor < 0) return false;
  long result = RawSyscall(SYS_ftruncate, file->descriptor, static_cast<long>(file->bytes));
  if (!Failed(result)) return true;
  CloseSegmentFile(file);
  RawSyscall(SYS_unlinkat, directory, AsArgument(name), 0);
  return false;
}

void AppendPath(const char* directory, std::uint64_t start_ticks, SegmentPath* path) {
  auto pid = static_cast<std::uint64_t>(RawSyscall(SYS_getpid));
  path->Append(directory).Append("/").AppendNumber(pid).Append("-").AppendNumber(start_ticks);
  path->Append(".segment");
}

}  // namespace

bool CreateSegmentFile(const char* directory_path, std::uint64_t start_ticks,
                       std::uint64_t wanted_bytes, SegmentFile* file) {
  RawSyscall(SYS_mkdir, AsArgument(directory_path), 0700);
  int directory = OpenDirectory(directory_path);
  if (directory < 0) return false;
  file->path.Clear();
  AppendPath(directory_path, start_ticks, &file->path);
  const char* name = strrchr(file->path.c_str(), '/') + 1;
  bool is_created = !file->path.IsCut() && CreateInside(directory, name, wanted_bytes, file);
  RawSyscall(SYS_close, directory);
  return is_created;
}

void CloseSegmentFile(SegmentFile* file) {
  RawSyscall(SYS_close, file->descriptor);
  file->descriptor = -1;
}

bool RemoveSegmentFile(const SegmentPath& path) {
  return !Failed(RawSyscall(SYS_unlink, AsArgument(path.c_str())));
}

SegmentPath SegmentPathOf(const char* directory, std::uint64_t start_ticks) {
  SegmentPath path;
  AppendPath(directory, start_ticks, &path);
  return path;
}

std::uint64_t RoomToGrow(const char* directory_path) {
  int directory = OpenDirectory(directory_path);
  if (directory < 0) return ~std::uint64_t{0};
  std::uint64_t room = Room(directory, ReadDirectory(directory, Look::kAtNames));
  RawSyscall(SYS_close, directory);
  return room;
}

std::uint64_t FileSystemBytes(const char* directory) {
  struct statfs fs = {};
  long result = RawSyscall(SYS_statfs, AsArgument(directory), AsArgument(&fs));
  // The directory may not be there yet; its parent is.
  if (Failed(result)) result = RawSyscall(SYS_statfs, AsArgument("/dev/shm"), AsArgument(&fs));
  return Failed(result) ? 0 : fs.f_blocks * static_cast<std::uint64_t>(fs.f_bsize);
}

}  // namespace limpet
