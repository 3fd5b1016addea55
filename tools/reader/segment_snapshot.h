// A checked copy of a segment: plain values, every index and length in range, no shared memory
// left.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/layout/event_site.h"
#include "runtime/layout/thread_slot.h"
#include "runtime/layout/watch.h"
#include "tools/reader/process_end.h"
#include "tools/reader/segment_file.h"

namespace limpet {

struct ModuleRecord {
  std::uint64_t start = 0;  // executable mapping [start, end)
  std::uint64_t end = 0;
  std::uint64_t load_bias = 0;
  std::uint64_t file_offset = 0;
  std::string path;
  std::string build_id;  // hex
};

// One frame, as the target saw it.
struct FrameRecord {
  std::uint64_t address = 0;  // return address, or the instruction itself where `is_exact`
  std::uint32_t module = 0;   // index into SegmentSnapshot::modules, 0: none
  bool is_exact = false;
};

struct StackRecord {
  std::vector<FrameRecord> frames;  // leaf first
  bool is_truncated = false;
};

struct SiteRecord {
  std::uint32_t stack = 0;  // key into SegmentSnapshot::stacks
  bool is_mapping = false;
  std::uint64_t allocated_objects_weight = 0;  // units of 2^-kWeightBits
  std::uint64_t allocated_bytes = 0;
  std::uint64_t samples = 0;
};

// What threads did at a stack, estimated from samples.
struct EventRecord {
  std::uint32_t stack = 0;  // key into SegmentSnapshot::stacks
  EventKind kind = EventKind::kNone;
  std::uint64_t weight = 0;  // how many, units of 2^-kWeightBits
  std::uint64_t duration_ns = 0;
};

// Who let others go on that waited for an object.
struct ReleaseRecord {
  std::uint64_t object = 0;
  std::uint64_t time_ns = 0;        // CLOCK_MONOTONIC
  std::uint32_t stack = 0;          // key into SegmentSnapshot::stacks
  std::uint32_t thread_number = 0;  // 0: unknown
};

struct AllocationRecord {
  std::uint64_t address = 0;
  std::uint64_t requested_bytes = 0;
  std::uint64_t weight = 0;  // units of 2^-kWeightBits
  std::uint64_t time_ns = 0;
  std::uint32_t stack = 0;
  std::uint32_t thread_id = 0;
};

struct OpenFile {
  std::int32_t descriptor = -1;
  std::string target;  // as ThreadRecord::descriptor_target
};

struct ThreadRecord {
  std::uint32_t thread_id = 0;  // kernel's, as the process sees it
  ThreadState state = ThreadState::kFree;
  std::uint32_t number = 0;          // 0: unknown
  std::uint32_t creator_number = 0;  // 0: unknown
  std::uint32_t creator_thread_id = 0;
  std::uint32_t creation_stack = 0;  // key into SegmentSnapshot::stacks, 0: unknown
  std::uint32_t life = 0;            // kThread... bits
  std::uint64_t started_ns = 0;      // CLOCK_MONOTONIC
  std::string name;

  // Of a parked one.
  WaitReason reason = WaitReason::kNone;  // kNone too: one that a newer target knows
  std::uint64_t object = 0;
  std::uint64_t since_ns = 0;  // CLOCK_MONOTONIC, 0: unknown
  std::uint64_t timeout_ns = kNoTimeout;
  std::int32_t descriptor = -1;
  std::uint32_t owner_thread_id = 0;  // 0: unknown
  std::uint32_t stack = 0;            // 0: unknown; also of a running one that was asked

  // Of one that ran when it was last asked where, as in ThreadSlot; whether that was just now, who
  // asked knows.
  std::uint64_t running_answer = 0;
  std::uint32_t RunningStack() const { return static_cast<std::uint32_t>(running_answer); }

  // What only /proc tells, of a process that lives.
  char kernel_state = 0;                     // R, S, D, ...; 0: not asked
  std::optional<bool> is_owner_elsewhere;    // in another process
  bool is_owner_current = false;             // read just now, not when the wait began
  std::optional<std::uint32_t> cpu_percent;  // of one CPU, of a thread that runs
  bool IsStopped() const { return kernel_state == 'T' || kernel_state == 't'; }
  // Blocked where no hook is: reason, object and stack were found from outside, as far as they
  // were.
  bool is_seen_from_outside = false;
  std::string wait_channel;              // kernel's function
  std::string descriptor_target;         // "pipe:[8123]", "socket:[12]", a path
  std::vector<OpenFile> waited_files;    // of poll and its kind
  std::uint64_t other_waited_files = 0;  // too many to list
  std::string peer;                      // of a socket, as FormatAddress writes it
  std::optional<bool> has_socket_timeout;
  std::uint32_t missing_arrivals = 0;  // of a barrier: how many have not come yet
  std::uint32_t timer_count = 0;       // of libc's thread for timers that call a function

  std::vector<std::uint64_t> read_locks;  // that it has taken for reading, as far as is known

  // Of finished parks.
  std::uint64_t park_count = 0;
  std::uint64_t parked_ns = 0;
  std::uint64_t group_ns[kWaitGroups] = {};

  bool IsAlive() const { return state == ThreadState::kRunning || state == ThreadState::kParked; }
  // Has ended, and keeps its stack until it is joined or detached.
  bool IsUnjoined() const {
    constexpr std::uint32_t kMainNumber = 1;  // which nobody is to join
    return state == ThreadState::kExited && number > kMainNumber &&
           (life & (kThreadDetached | kThreadJoined)) == 0;
  }
};

// What the target asks of a companion that watches, and what that has said.
struct WatchRecord {
  WatchSettings settings = {};
  std::uint64_t key = 0;
  std::uint64_t beat_ns = 0;
  std::uint32_t watcher_pid = 0;
  std::uint32_t answered_requests = 0;
  bool has_last_profile = false;
};

struct SegmentSnapshot {
  std::uint32_t state = 0;  // SegmentState
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::uint32_t uid = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t pid_namespace = 0;
  std::uint64_t created_unix_ns = 0;
  std::uint64_t created_monotonic_ns = 0;
  std::uint64_t copied_unix_ns = 0;  // when this copy was true; 0: no copy, or it does not say so
  std::uint64_t copied_monotonic_ns = 0;
  std::uint64_t last_sample_ns = 0;  // CLOCK_MONOTONIC; of a block or mapping, freed or not
  std::uint64_t sample_interval_bytes = 0;
  std::uint64_t block_rate_ns = 0;  // LIMPET_BLOCK_RATE, 0: finished waits are not added up
  std::uint32_t dump_signal = 0;
  std::uint32_t dump_signal_state = 0;  // SignalState
  std::uint32_t dump_requests = 0;
  std::uint32_t launch_errno = 0;
  std::uint64_t max_bytes = 0;
  WatchRecord watch;
  ProcessEnd end;
  std::string executable;
  std::string program;  // the name it was started by, which a link may make another one
  std::vector<std::string> command_line;
  std::string dump_directory;

  std::vector<ModuleRecord> modules;            // [0] stands for "in no module"
  std::map<std::uint32_t, StackRecord> stacks;  // those that something here refers to
  std::vector<SiteRecord> sites;
  std::vector<EventRecord> events;
  std::vector<ReleaseRecord> releases;
  std::vector<AllocationRecord> allocations;
  std::vector<AllocationRecord> mappings;
  std::vector<ThreadRecord> threads;

  // Name and value of each counter of SegmentCounters, in its order.
  std::vector<std::pair<std::string, std::uint64_t>> counters;
  std::uint64_t torn_slots = 0;    // changed while being copied, left out
  std::uint64_t torn_threads = 0;  // likewise; shown as running
  std::uint64_t invalid_slots =
      0;  // out of range, left out; of a stack: shown as the unknown stack

  // The file it was read from.
  FileNode node;
  std::uint32_t owner_uid = 0;
  bool has_given_up_rights = false;    // see SegmentFile
  std::optional<bool> has_writer;      // see SegmentFile::HasWriter
  std::uint64_t modified_unix_ns = 0;  // tmpfs does not count writes through a mapping
};

// What people call the process: the name it was started by, else its executable's path.
inline const std::string& ProgramOf(const SegmentSnapshot& snapshot) {
  return snapshot.program.empty() ? snapshot.executable : snapshot.program;
}

}  // namespace limpet
