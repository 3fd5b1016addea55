// The treaty between a traced process and its readers: what lies where in a segment file.
//
//   | header | strings | modules | threads | mappings | nodes | sites | events | releases | allocs
//   0 each page aligned, where the section table says                              segment_bytes
//
// The target writes, readers only copy and check. Every section is an array of fixed-size entries,
// of which the first `used` have ever been written; the file is sparse behind them. A reader takes
// `entry_bytes` from the directory, so a newer target may append fields to an entry. How this file
// may change: README.md in this folder.
//
// Runs: target startup (written) | companion (read).  Threads: plain data.  Allocates: never.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/counters.h"
#include "runtime/layout/watch.h"

namespace limpet {

inline constexpr std::uint64_t kSegmentMagic = 0x3154'4550'4D49'4CFFU;  // "\xFFLIMPET1" in memory
inline constexpr std::uint32_t kSegmentVersion = 2;
inline constexpr std::uint64_t kSegmentPageBytes = 4096;

enum class SegmentState : std::uint32_t {
  kBuilding = 0,  // header not complete: a reader waits or says that it never began
  kLive = 1,      // the process writes
  kPoisoned = 2,  // the process gave up tracing; what is here stays valid
  kExited = 3,    // the process ended by itself and said so
};

enum class SectionKind : std::uint32_t {
  kNone = 0,
  kStrings = 1,      // bytes: paths, referred to by offset and length
  kModules = 2,      // ModuleSlot; id 0 stands for "in no module"
  kStackNodes = 3,   // StackNode; nodes 0 and 1 are roots
  kSites = 4,        // SiteSlot: totals of one stack
  kAllocations = 5,  // AllocationSlot: sampled blocks not freed yet
  kMappings = 6,     // AllocationSlot: anonymous mappings not unmapped yet
  kThreads = 7,      // ThreadSlot
  kEvents = 8,       // EventSite: totals of waits and of threads made
  kReleases = 9,     // ReleaseSlot: who last let others go on
};
inline constexpr std::size_t kMaxSections = 16;

struct SectionEntry {
  SectionKind kind;
  std::uint32_t entry_bytes;
  std::uint64_t offset;             // bytes from the start of the segment
  std::uint64_t capacity;           // entries that fit
  std::atomic<std::uint64_t> used;  // entries [0, used) may have been written
};
static_assert(sizeof(SectionEntry) == 32 && std::is_standard_layout_v<SectionEntry>);

// What became of a signal of ours in this process.
enum class SignalState : std::uint32_t {
  kOff = 0,        // switched off, or not installed yet
  kOurs = 1,       // our handler stands in for the default action
  kProgram = 2,    // the program uses the signal itself, ours stepped back
  kInherited = 3,  // was ignored at exec and stays so
  kSandboxed = 4,  // ours, but a filter of system calls may not expect a handler's return
};

// Instead of an errno: the process is PID 1 or a subreaper, whose child a companion would become.
inline constexpr int kLaunchRefused = 0xFFFF;
// The user that the process has now may not write to LIMPET_DIR.
inline constexpr int kLaunchCannotWrite = 0xFFFE;
// Root in another root directory, where what bears the companion's name may be anybody's.
inline constexpr int kLaunchRootChanged = 0xFFFD;
// The companion cannot open the segment, and a copy would take too much of the program's memory.
inline constexpr int kLaunchTooLarge = 0xFFFC;

// In the mode of the file (S_ISVTX, which means nothing of a file): its process has given up rights
// of the file's owner since, so that what stands in it is not the owner's word. Only the owner can
// set or clear it.
inline constexpr unsigned kRightsGivenUpMode = 01000;

struct SegmentHeader {
  std::uint64_t magic;
  std::uint32_t abi_version;
  std::uint32_t header_bytes;
  std::atomic<SegmentState> state;
  std::uint32_t section_count;
  std::uint64_t segment_bytes;

  std::uint32_t pid;  // as the process sees itself, that is in its own pid namespace
  std::uint32_t uid;
  std::uint64_t start_ticks;      // field 22 of /proc/PID/stat, clock ticks since boot
  std::uint64_t created_unix_ns;  // CLOCK_REALTIME and CLOCK_MONOTONIC at the same moment
  std::uint64_t created_monotonic_ns;
  std::uint64_t sample_interval_bytes;  // mean bytes between samples; 1: every allocation
  std::atomic<SignalState> dump_signal_state;
  std::uint32_t dump_signal;                 // signal number, 0: none
  std::atomic<std::uint32_t> dump_requests;  // bumped by the signal, futex word for a watcher
  std::atomic<std::uint32_t> watcher_pid;    // a companion that waits on `dump_requests`, 0: none
  std::atomic<std::uint32_t>
      launch_errno;  // why the last start of a companion failed, 0: it did not; kLaunch...
  std::uint32_t parent_pid;
  std::uint64_t max_bytes;  // LIMPET_MAX_BYTES in force
  // Inode of /proc/self/ns/pid, 0: unknown. Only inside the same namespace does `pid` say who is
  // alive.
  std::uint64_t pid_namespace;
  char program[56];  // name that the program was started by, cut at the end if longer

  SectionEntry sections[kMaxSections];
  SegmentCounters counters;

  char executable[512];      // path, cut at the end if longer
  char command_line[512];    // arguments, each ended by NUL, cut at the end if longer
  char dump_directory[512];  // LIMPET_DIR made absolute

  // Appended later.
  WatchSettings watch_settings;
  WatchState watch_state;
  std::uint64_t watch_key;  // of the companion that would watch: setting/watch_lock.h, 0: unknown
  // CLOCK_REALTIME, by whoever first found the process dead: dead_segments.h, 0: nobody did.
  std::uint64_t found_dead_unix_ns;
  // By the companion that saw the process end: what wait() tells, 0: not known, or exit status 0;
  // and what its memory cgroup counted meanwhile.
  std::uint32_t end_status;
  std::uint32_t oom_kills;
  // Pid of the dump that says so before it looks, for the last time, whether the process has ended
  // by itself and left the segment to it. The process announces its end before it looks here: one
  // of the two sees the other's word.
  std::atomic<std::uint32_t> done_dump_pid;
  // Of the signal that asks a running thread for its stack, SIGURG; sent with this value it is a
  // companion's, and nobody else's is answered.
  std::atomic<SignalState> stack_signal_state;
  std::uint64_t stack_signal_cookie;
  // Of a copy that a companion made: when its process was as it is here. The file's time is
  // anybody's. 0: it is the original.
  std::uint64_t copied_unix_ns;
  std::uint64_t copied_monotonic_ns;
  std::uint64_t block_rate_ns;  // LIMPET_BLOCK_RATE, 0: finished waits are not added up
};
static_assert(std::is_standard_layout_v<SegmentHeader>);
static_assert(sizeof(SegmentHeader) <= kSegmentPageBytes);
static_assert(offsetof(SegmentHeader, abi_version) == 8);
static_assert(offsetof(SegmentHeader, state) == 16);
static_assert(offsetof(SegmentHeader, segment_bytes) == 24);
static_assert(offsetof(SegmentHeader, pid) == 32);
static_assert(offsetof(SegmentHeader, start_ticks) == 40);
static_assert(offsetof(SegmentHeader, dump_requests) == 80);
static_assert(offsetof(SegmentHeader, pid_namespace) == 104);
static_assert(offsetof(SegmentHeader, sections) == 168);
static_assert(offsetof(SegmentHeader, watch_settings) == 2432);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace limpet
