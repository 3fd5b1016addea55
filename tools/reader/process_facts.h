// What /proc tells of one process: whether it lives, is traced, and how much memory it has.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/reader/proc_text.h"

namespace limpet {

struct ProcessFacts {
  std::uint32_t pid = 0;
  std::uint32_t namespace_pid = 0;  // as the process sees itself
  std::uint32_t uid = 0;            // effective
  std::uint64_t start_ticks = 0;
  bool is_alive = false;  // not a zombie
  std::string executable;
  std::uint64_t threads = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t resident_anonymous_bytes = 0;
  // Absent: we may not look.
  std::optional<bool> has_limpet;  // liblimpet.so is mapped
  MappedNode segment;              // its own, as far as `has_limpet` is known
};

// Whose /proc folder tells of the memory and the files of process `pid`: the main thread's, which
// is `pid`, or where that has ended, and with it its folder's facts, another's.
std::uint32_t LivingThreadOf(std::uint32_t pid, const std::string& proc = "/proc");

// NotFound: no such process. `proc` is "/proc" but in tests.
absl::StatusOr<ProcessFacts> ReadProcess(std::uint32_t pid, const std::string& proc = "/proc");

// False: the segment at `path` has the name of this traced process, but another program left it,
// which the process was before an exec, and had given up the right to remove it.
bool IsSegmentOf(const ProcessFacts& process, const std::string& path);

// All numbers in /proc, ascending.
std::vector<std::uint32_t> ListProcesses(const std::string& proc = "/proc");

// A variable of the environment that the process was started with.
std::optional<std::string> ReadEnvironment(std::uint32_t pid, const std::string& name,
                                           const std::string& proc = "/proc");

// `path` as the process means it: a relative one begins at its working directory.
std::string AbsolutePathIn(std::uint32_t pid, const std::string& path,
                           const std::string& proc = "/proc");

// The root of a process that sees other files than we do, such as "/proc/PID/root"; empty: its
// files are ours, or we may not look.
std::string ForeignRootOf(const ProcessFacts& process, const std::string& proc = "/proc");

}  // namespace limpet
