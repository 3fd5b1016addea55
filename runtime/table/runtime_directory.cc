#include "runtime/table/runtime_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstring>

#include "runtime/layout/dead_segments.h"
#include "runtime/layout/segment.h"
#include "runtime/sys/fixed_text.h"
#include "runtime/sys/kernel_clock.h"
#include "runtime/sys/process_identity.h"
#include "runtime/sys/raw_syscall.h"

namespace limpet {
namespace {

using sys::AsArgument;
using sys::Failed;
using sys::RawSyscall;

constexpr int kMaxListedEntries = 4096;  // a directory of more segments is not ours to study

using EntryName = sys::FixedText<64>;

// Names alone tell how many may be dead; that they are takes a look inside.
enum class Look : bool { kAtNames, kInside };

// One reading of the directory.
struct Visit {
  int directory = -1;
  Look look = Look::kAtNames;
  std::uint64_t now_unix_ns = 0;

  std::uint64_t bytes = 0;  // of all segments
  std::uint64_t dead = 0;
  std::uint64_t dead_bytes = 0;
  bool may_have_old = false;
  EntryName first_to_go;  // empty: none may
  DeadSegmentAge first_age;
};

// True for "<pid>-<ticks>.segment" of a pid that no process of our namespace has.
bool IsOfDeadProcess(const char* name) {
  long pid = 0;
  const char* at = name;
  for (; *at >= '0' && *at <= '9' && pid < 1 << 28; ++at) pid = pid * 10 + (*at - '0');
  return at != name && *at == '-' && RawSyscall(SYS_kill, pid, 0) == -ESRCH;
}

long OpenEntry(int directory, const char* name) {
  constexpr int kFlags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  return RawSyscall(SYS_openat, directory, AsArgument(name), kFlags);
}

template <class Value>
void ReadAt(long file, std::size_t offset, Value* value) {
  RawSyscall(SYS_pread64, file, AsArgument(value), sizeof(*value), static_cast<long>(offset));
}

// A pid that is not here may be alive in another container that shares the directory.
bool IsOfOurNamespace(long file) {
  std::uint64_t magic = 0, pid_namespace = 0;
  ReadAt(file, 0, &magic);
  ReadAt(file, offsetof(SegmentHeader, pid_namespace), &pid_namespace);
  return magic == kSegmentMagic && pid_namespace != 0 && pid_namespace == sys::PidNamespace();
}

// The lock goes with the descriptor; a child that is forked meanwhile must not keep it.
bool IsBeingRead(long file) {
  bool is_read = RawSyscall(SYS_flock, file, LOCK_EX | LOCK_NB) == -EWOULDBLOCK;
  RawSyscall(SYS_flock, file, LOCK_UN);
  return is_read;
}

// The file's own time stays: it tells when the process lived.
void MarkFoundDead(long file, const struct stat& status, std::uint64_t now_unix_ns) {
  const timespec times[] = {{0, UTIME_OMIT}, status.st_mtim};
  RawSyscall(SYS_pwrite64, file, AsArgument(&now_unix_ns), sizeof(now_unix_ns),
             offsetof(SegmentHeader, found_dead_unix_ns));
  RawSyscall(SYS_utimensat, file, 0, AsArgument(times), 0);
}

std::uint64_t ModifiedUnixNs(const struct stat& status) {
  return static_cast<std::uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(status.st_mtim.tv_nsec);
}

// The first site is claimed with the segment, each other one by the first sample of a stack. The
// first thread is the main one, which alone has no waits recorded.
bool HasMoreThanOne(long file, SectionKind wanted) {
  for (std::size_t index = 0; index < kMaxSections; ++index) {
    std::size_t entry = offsetof(SegmentHeader, sections) + index * sizeof(SectionEntry);
    SectionKind kind = SectionKind::kNone;
    std::uint64_t used = 0;
    ReadAt(file, entry + offsetof(SectionEntry, kind), &kind);
    if (kind != wanted) continue;
    ReadAt(file, entry + offsetof(SectionEntry, used), &used);
    return used > 1;
  }
  return false;
}

bool IsEmpty(long file) {
  SegmentState state = SegmentState::kBuilding;
  ReadAt(file, offsetof(SegmentHeader, state), &state);
  const bool has_evidence =
      HasMoreThanOne(file, SectionKind::kSites) || HasMoreThanOne(file, SectionKind::kThreads);
  return state == SegmentState::kExited || !has_evidence;
}

DeadSegmentAge AgeOf(long file, const struct stat& status, std::uint64_t now_unix_ns) {
  DeadSegmentAge age = {.modified_unix_ns = ModifiedUnixNs(status)};
  std::uint32_t has_last_profile = 0;
  ReadAt(file, offsetof(SegmentHeader, watch_state) + offsetof(WatchState, has_last_profile),
         &has_last_profile);
  ReadAt(file, offsetof(SegmentHeader, found_dead_unix_ns), &age.found_dead_unix_ns);
  age.has_last_profile = has_last_profile != 0;
  age.is_empty = IsEmpty(file);
  if (age.found_dead_unix_ns == 0) {
    MarkFoundDead(file, status, now_unix_ns);
    age.found_dead_unix_ns = now_unix_ns;
  }
  return age;
}

void AddCandidate(const char* name, const DeadSegmentAge& age, Visit* visit) {
  bool has_one = visit->first_to_go.size() != 0;
  if (has_one && !age.GoesBefore(visit->first_age, visit->now_unix_ns)) return;
  visit->first_age = age;
  visit->first_to_go.Clear();
  visit->first_to_go.Append(name);
}

// False: not one of a dead process of ours.
bool LookInside(const char* name, const struct stat& status, Visit* visit) {
  long file = OpenEntry(visit->directory, name);
  if (Failed(file)) return false;
  bool is_ours = IsOfOurNamespace(file);
  if (is_ours) {
    DeadSegmentAge age = AgeOf(file, status, visit->now_unix_ns);
    if (!IsBeingRead(file)) AddCandidate(name, age, visit);
  }
  RawSyscall(SYS_close, file);
  return is_ours;
}

void AddEntry(const char* name, Visit* visit) {
  struct stat status = {};
  long result = RawSyscall(SYS_newfstatat, visit->directory, AsArgument(name), AsArgument(&status),
                           AT_SYMLINK_NOFOLLOW);
  if (Failed(result) || !S_ISREG(status.st_mode)) return;
  std::uint64_t bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  visit->bytes += bytes;
  if (!IsOfDeadProcess(name)) return;
  if (visit->look == Look::kInside && !LookInside(name, status, visit)) return;
  ++visit->dead;
  visit->dead_bytes += bytes;
  // All that is left of one that ended by itself is its header.
  visit->may_have_old |= bytes <= kSegmentPageBytes;
  // Whoever finds a process dead leaves the time of its file, so it was not found after that.
  visit->may_have_old |= ModifiedUnixNs(status) + kMaxDeadNs < visit->now_unix_ns;
}

void ReadEntries(Visit* visit) {
  // On the program's stack, so only for the largest entry or five of ours.
  alignas(8) char buffer[19 + NAME_MAX + 1 + 5];
  RawSyscall(SYS_lseek, visit->directory, 0, SEEK_SET);
  for (int listed = 0; listed < kMaxListedEntries;) {
    long filled = RawSyscall(SYS_getdents64, visit->directory, AsArgument(buffer), sizeof(buffer));
    if (Failed(filled) || filled == 0) break;
    for (long at = 0; at < filled; ++listed) {
      // struct linux_dirent64: inode, offset, record length (u16 at 16), type, name at 19
      std::uint16_t record_bytes;
      memcpy(&record_bytes, buffer + at + 16, sizeof(record_bytes));
      AddEntry(buffer + at + 19, visit);
      at += record_bytes;
    }
  }
}

// Field by field: a second one would not fit on a small signal stack.
void ReadAgain(Look look, Visit* visit) {
  visit->look = look;
  visit->bytes = visit->dead = visit->dead_bytes = 0;
  visit->may_have_old = false;
  visit->first_to_go.Clear();
  ReadEntries(visit);
}

bool IsWithinBounds(const Visit& visit, std::uint64_t max_dead_segments) {
  return visit.dead <= max_dead_segments && visit.dead_bytes <= kMaxDeadBytes;
}

bool MustGo(const Visit& visit, std::uint64_t max_dead_segments) {
  if (visit.first_to_go.size() == 0) return false;
  return !IsWithinBounds(visit, max_dead_segments) || visit.first_age.IsTooOld(visit.now_unix_ns);
}

// Holds the lock meanwhile; a file system without locks has no readers that could ask for one.
void RemoveUnread(int directory, const EntryName& name) {
  long file = OpenEntry(directory, name.c_str());
  if (Failed(file)) return;
  if (RawSyscall(SYS_flock, file, LOCK_EX | LOCK_NB) != -EWOULDBLOCK)
    RawSyscall(SYS_unlinkat, directory, AsArgument(name.c_str()), 0);
  RawSyscall(SYS_close, file);
}

}  // namespace

std::uint64_t SegmentBytesIn(int directory) {
  Visit visit = {.directory = directory};
  ReadAgain(Look::kAtNames, &visit);
  return visit.bytes;
}

std::uint64_t TidySegmentsIn(int directory, std::uint64_t max_dead_segments,
                             std::uint64_t max_removed) {
  Visit visit = {.directory = directory, .now_unix_ns = sys::KernelClockNs(CLOCK_REALTIME)};
  ReadAgain(Look::kAtNames, &visit);
  if (IsWithinBounds(visit, max_dead_segments) && !visit.may_have_old) return visit.bytes;
  ReadAgain(Look::kInside, &visit);
  for (std::uint64_t removed = 0; removed < max_removed && MustGo(visit, max_dead_segments);
       ++removed) {
    RemoveUnread(directory, visit.first_to_go);
    ReadAgain(Look::kInside, &visit);
  }
  return visit.bytes;
}

}  // namespace limpet
