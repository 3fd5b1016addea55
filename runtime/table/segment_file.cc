#include "runtime/table/segment_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <cstring>

#include "runtime/layout/segment.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

constexpr std::uint64_t kSmallestSegment = 1 << 20;
constexpr int kMaxListedEntries = 4096;  // a directory of more segments is not ours to study

// Opens the directory, which must be the user's own: another user's could be swapped under us.
int OpenDirectory(const char* path) {
  RawSyscall(SYS_mkdir, AsArgument(path), 0700);
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

std::uint64_t BytesOfEntry(int directory, const char* name) {
  struct stat status = {};
  long result = RawSyscall(SYS_newfstatat, directory, AsArgument(name), AsArgument(&status),
                           AT_SYMLINK_NOFOLLOW);
  return Failed(result) || !S_ISREG(status.st_mode)
             ? 0
             : static_cast<std::uint64_t>(status.st_blocks) * 512;
}

// Memory that the files of a directory take.
std::uint64_t BytesInDirectory(int directory) {
  alignas(8) char buffer[2048];
  std::uint64_t bytes = 0;
  for (int listed = 0; listed < kMaxListedEntries;) {
    long filled = RawSyscall(SYS_getdents64, directory, AsArgument(buffer), sizeof(buffer));
    if (Failed(filled) || filled == 0) break;
    for (long at = 0; at < filled; ++listed) {
      // struct linux_dirent64: inode, offset, record length (u16 at 16), type, name at 19
      std::uint16_t record_bytes;
      memcpy(&record_bytes, buffer + at + 16, sizeof(record_bytes));
      bytes += BytesOfEntry(directory, buffer + at + 19);
      at += record_bytes;
    }
  }
  return bytes;
}

// Bytes that a new segment may take: our share of the free space less what our others have.
std::uint64_t Budget(int directory) {
  struct statfs fs = {};
  if (Failed(RawSyscall(SYS_fstatfs, directory, AsArgument(&fs)))) return 0;
  std::uint64_t free_bytes = fs.f_bavail * static_cast<std::uint64_t>(fs.f_bsize);
  std::uint64_t ours = BytesInDirectory(directory);
  std::uint64_t share = (free_bytes + ours) / 4;
  return share > ours ? share - ours : 0;
}

// Growing a file beyond this limit would send SIGXFSZ to the program.
std::uint64_t FileSizeLimit() {
  rlimit limit = {};
  long result = RawSyscall(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, AsArgument(&limit));
  return Failed(result) ? ~std::uint64_t{0} : limit.rlim_cur;
}

std::uint64_t AllowedBytes(int directory, std::uint64_t wanted) {
  std::uint64_t bytes = wanted;
  for (std::uint64_t bound : {Budget(directory), FileSizeLimit()})
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

}  // namespace

bool CreateSegmentFile(const char* directory_path, std::uint64_t start_ticks,
                       std::uint64_t wanted_bytes, SegmentFile* file) {
  int directory = OpenDirectory(directory_path);
  if (directory < 0) return false;
  sys::FixedText<64> name;
  name.AppendNumber(static_cast<std::uint64_t>(RawSyscall(SYS_getpid)))
      .Append("-")
      .AppendNumber(start_ticks)
      .Append(".segment");
  file->path.Clear();
  file->path.Append(directory_path).Append("/").Append(name.c_str());
  bool is_created =
      !file->path.IsCut() && CreateInside(directory, name.c_str(), wanted_bytes, file);
  RawSyscall(SYS_close, directory);
  return is_created;
}

void CloseSegmentFile(SegmentFile* file) {
  RawSyscall(SYS_close, file->descriptor);
  file->descriptor = -1;
}

void RemoveSegmentFile(const SegmentPath& path) {
  RawSyscall(SYS_unlink, AsArgument(path.c_str()));
}

bool HasRoomToGrow(const SegmentPath& path, std::uint64_t own_bytes, std::uint64_t bytes) {
  struct statfs fs = {};
  if (Failed(RawSyscall(SYS_statfs, AsArgument(path.c_str()), AsArgument(&fs)))) return true;
  std::uint64_t free_bytes = fs.f_bavail * static_cast<std::uint64_t>(fs.f_bsize);
  return own_bytes + bytes <= (free_bytes + own_bytes) / 4;
}

std::uint64_t FileSystemBytes(const char* directory) {
  struct statfs fs = {};
  long result = RawSyscall(SYS_statfs, AsArgument(directory), AsArgument(&fs));
  // The directory may not be there yet; its parent is.
  if (Failed(result)) result = RawSyscall(SYS_statfs, AsArgument("/dev/shm"), AsArgument(&fs));
  return Failed(result) ? 0 : fs.f_blocks * static_cast<std::uint64_t>(fs.f_bsize);
}

}  // namespace limpet
