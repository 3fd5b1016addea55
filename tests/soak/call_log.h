// What a program says of its own allocations, in a file that outlives it: the truth that a segment
// is held against.
//
//   thread:  call, begun = n | malloc, free or realloc | totals, done = n
//
// A killed thread leaves a prefix of its stores. So `done` calls are in the totals, and the next
// one may or may not be in a segment: where `begun` is ahead of `done` the totals of what the call
// changes are those kept in it, as they may be half changed themselves.
//
// Runs: programs of the soak, and those that judge them.  Threads: a ThreadLog has one writer.
// Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

namespace limpet {

inline constexpr std::uint32_t kMaxOwners = 40;
inline constexpr std::uint32_t kMaxProcesses = 64;

struct Amount {
  std::uint64_t objects;
  std::uint64_t bytes;

  bool operator==(const Amount&) const = default;
};

struct Call {
  Amount allocates;  // one object or none
  Amount frees;
  std::uint32_t freed_owner;
  Amount allocated_before;
  Amount freed_before;  // of `freed_owner`
};

struct ThreadLog {
  std::atomic<std::uint64_t>
      mark;  // return address that is in all stacks of its calls; 0: none yet
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> done;
  Call call;
  Amount allocated;
  Amount freed[kMaxOwners];  // by the thread that had allocated it
};

enum class ProcessStage : std::uint32_t { kUnused = 0, kRunning, kEnding };

struct ProcessLog {
  std::atomic<std::uint32_t> pid;
  std::atomic<ProcessStage> stage;
  std::atomic<std::uint32_t> is_released;  // futex: 1: judged, may go on
  ThreadLog threads[kMaxOwners];
};

struct CallLog {
  ProcessLog processes[kMaxProcesses];  // [0] is the program itself
};

inline constexpr char kCallLogVariable[] = "SOAK_CALL_LOG";

}  // namespace limpet
