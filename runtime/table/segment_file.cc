#include "runtime/table/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>

#include "runtime/layout/segment.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/raw_syscall.h"
#include "runtime/table/runtime_directory.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

constexpr std::uint64_t kSmallestSegment = 1 << 20;

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

// What was found when the directory was read last, by us or by a process we were forked from.
struct LastLook {
  dev_t file_system = 0;
  ino_t directory = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t free_bytes = 0;  // 0: nobody has read it
};
constinit LastLook g_last_look = {};

[[gnu::noinline]] std::uint64_t FreeBytes(int directory) {
  struct statfs fs = {};
  if (Failed(RawSyscall(SYS_fstatfs, directory, AsArgument(&fs)))) return 0;
  return fs.f_bavail * static_cast<std::uint64_t>(fs.f_bsize);
}

// Bytes that segments may still take: our share of the free space less what all of them have.
std::uint64_t RoomBeside(std::uint64_t segment_bytes, std::uint64_t free_bytes) {
  std::uint64_t share = (free_bytes + segment_bytes) / 4;
  return share > segment_bytes ? share - segment_bytes : 0;
}

std::uint64_t Room(int directory, std::uint64_t segment_bytes) {
  return RoomBeside(segment_bytes, FreeBytes(directory));
}

// It may be another directory than our parent's: of another user, or below another root. (Not
// inlined, as FreeBytes: what they ask is large, and tidying goes deep on a small signal stack.)
[[gnu::noinline]] bool WasReadLast(int directory) {
  struct stat status = {};
  if (g_last_look.free_bytes == 0) return false;
  if (Failed(RawSyscall(SYS_fstat, directory, AsArgument(&status)))) return false;
  return g_last_look.file_system == status.st_dev && g_last_look.directory == status.st_ino;
}

[[gnu::noinline]] void RememberLook(int directory, std::uint64_t segment_bytes) {
  struct stat status = {};
  RawSyscall(SYS_fstat, directory, AsArgument(&status));
  g_last_look = {.file_system = status.st_dev,
                 .directory = status.st_ino,
                 .segment_bytes = segment_bytes,
                 .free_bytes = FreeBytes(directory)};
}

// As if all that was taken of the free space since the last look was taken by segments.
std::uint64_t RoomAtLeast(std::uint64_t free_bytes) {
  const LastLook& last = g_last_look;
  std::uint64_t taken = last.free_bytes > free_bytes ? last.free_bytes - free_bytes : 0;
  return RoomBeside(last.segment_bytes + taken, free_bytes);
}

std::uint64_t RoomAfterTidying(int directory, const SegmentFileLimits& limits) {
  bool is_trusted = limits.trusts_parent && WasReadLast(directory);
  if (is_trusted && RoomAtLeast(FreeBytes(directory)) >= limits.bytes) return limits.bytes;
  RememberLook(directory, TidySegmentsIn(directory, limits.max_dead_segments, limits.max_removed));
  return RoomBeside(g_last_look.segment_bytes, g_last_look.free_bytes);
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

std::uint64_t AllowedBytes(int directory, const SegmentFileLimits& limits) {
  // Growing beyond it would send SIGXFSZ, also to whoever marks a dead one.
  std::uint64_t bytes = LimitOf(RLIMIT_FSIZE);
  if (bytes < kSmallestSegment) return 0;
  for (std::uint64_t bound : {limits.bytes, RoomAfterTidying(directory, limits),
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

bool CreateInside(int directory, const char* name, const SegmentFileLimits& limits,
                  SegmentFile* file) {
  file->bytes = AllowedBytes(directory, limits);
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

// Another process may make it at the same moment; then it is there all the same.
int OpenOrMakeDirectory(const char* path) {
  int directory = OpenDirectory(path);
  if (directory >= 0) return directory;
  RawSyscall(SYS_mkdir, AsArgument(path), 0700);
  return OpenDirectory(path);
}

}  // namespace

bool CreateSegmentFile(const char* directory_path, std::uint64_t start_ticks,
                       const SegmentFileLimits& limits, SegmentFile* file) {
  int directory = OpenOrMakeDirectory(directory_path);
  if (directory < 0) return false;
  file->path.Clear();
  AppendPath(directory_path, start_ticks, &file->path);
  const char* name = strrchr(file->path.c_str(), '/') + 1;
  bool is_created = !file->path.IsCut() && CreateInside(directory, name, limits, file);
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

void MarkRightsGivenUp(const SegmentPath& path) {
  RawSyscall(SYS_chmod, AsArgument(path.c_str()), 0600 | kRightsGivenUpMode);
}

SegmentPath SegmentPathOf(const char* directory, std::uint64_t start_ticks) {
  SegmentPath path;
  AppendPath(directory, start_ticks, &path);
  return path;
}

std::uint64_t RoomToGrow(const char* directory_path) {
  int directory = OpenDirectory(directory_path);
  if (directory < 0) return ~std::uint64_t{0};
  std::uint64_t room = Room(directory, SegmentBytesIn(directory));
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
