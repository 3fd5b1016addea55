// The verbs of `limpet`, each a function from its options to an exit code.
//
// A verb prints its result on stdout; an error comes back as a status, whose message names the
// value, the limit and the next step, and is printed once, by main.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace limpet {

// Exit codes users meet (README, "Exit codes").
inline constexpr int kExitOk = 0;
inline constexpr int kExitFinding = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotTraced = 3;
inline constexpr int kExitBadData = 4;
inline constexpr int kExitPermission = 5;

inline constexpr char kRawFormat[] = "raw";        // the segment itself
inline constexpr char kGoroutineFormat[] = "go2";  // of goroutine alone: each thread

struct DumpOptions {
  std::string target;  // PID, or path of a segment
  // heap, allocs, mmap, goroutine; empty: those that there is something to say of
  std::vector<std::string> profiles;
  std::string output;             // pattern, "-" for stdout, empty: the target's LIMPET_DIR
  std::string format = "pprof";   // pprof, text, go2, collapsed, raw
  std::string reason;             // of whoever started us without a user; empty: a user did
  bool with_descendants = false;  // of the whole process tree, in one profile
  std::string runtime_directory;  // where segments lie, empty: LIMPET_RUNTIME_DIR or /dev/shm
  std::string directory;          // instead of the target's LIMPET_DIR
  int segment_descriptor = -1;    // a copy of the segment, handed over by the target itself
};

struct StacksOptions {
  std::string target;   // as of DumpOptions
  std::string blocked;  // least wait of those that are shown, as 5s; empty: all threads
  bool go = false;
  bool json = false;
};

struct DeadlocksOptions {
  std::string target;  // as of DumpOptions
  bool json = false;
};

struct WatchCommandOptions {
  std::string runtime_directory;
  std::string directory;
  std::uint64_t key = 0;
  std::uint32_t pid = 0;
};

struct PsOptions {
  bool json = false;
};

struct RunOptions {
  std::vector<std::string> command;
  std::string allocator;     // "", "jemalloc"
  std::string sample_bytes;  // each empty or a value for its LIMPET_ variable
  std::string directory;
  std::string signal;
  std::string max_bytes;
  std::string every;
  std::string dump_on;
  std::string keep;
  bool dump_at_exit = false;
  bool trace_mappings = false;
  bool forces = false;  // also a program that cannot be traced: its children may be
};

struct DoctorOptions {
  std::vector<std::string> target;  // empty: this machine; a PID; or a command
  bool json = false;
};

absl::StatusOr<int> DumpCommand(const DumpOptions& options);
absl::StatusOr<int> StacksCommand(const StacksOptions& options);
absl::StatusOr<int> DeadlocksCommand(const DeadlocksOptions& options);
absl::StatusOr<int> PsCommand(const PsOptions& options);
absl::StatusOr<int> WatchCommand(const WatchCommandOptions& options);
absl::StatusOr<int> RunCommand(const RunOptions& options);
absl::StatusOr<int> DoctorCommand(const DoctorOptions& options);

}  // namespace limpet
