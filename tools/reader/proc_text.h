// Parsers of what /proc/PID says. A process chooses its own name, arguments and environment, so
// none of it is trusted; what does not parse is absent.
//
//   stat:    4242 (a (b) c) S 1 ...   the name may hold parentheses: the last one ends it
//
//   status:  VmRSS:      1234 kB
//
//   maps:    7f00-7f10 r-xp 0 fd:0 12    /usr/lib/limpet/liblimpet.so
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

struct StatFacts {
  std::string name;              // at most 15 letters, of any kind
  char state = '?';              // R, S, D, ... of a process, its main thread's
  std::uint32_t parent_pid = 0;  // 0: none that we can see
  std::uint32_t threads = 0;     // a main thread that has ended counts until the last one has
  std::uint64_t start_ticks = 0;
  bool is_exiting = false;      // the kernel takes it down, whatever its state
  std::uint32_t exit_code = 0;  // as wait() tells it; 0 also: it lives, or we may not know

  bool HasThreadEnded() const { return state == 'Z' || state == 'X'; }
  bool IsDead() const { return HasThreadEnded() && threads <= 1; }
};

std::optional<StatFacts> ParseStat(const std::string& stat);

// What /proc/PID/task/TID/syscall says: "running", or where the thread is blocked:
//   202 0x7f00 0x80 0x2 0x0 0x0 0x0 0x7ffe10 0x7f0012     number, arguments, stack, instruction
//   -1 0x7ffe10 0x7f0012                                  not in a system call
struct TaskSyscall {
  bool is_running = false;
  std::int64_t number = -1;
  std::array<std::uint64_t, 6> arguments = {};
  std::uint64_t stack_pointer = 0;
  std::uint64_t instruction = 0;  // the one that comes next

  bool operator==(const TaskSyscall&) const = default;
};
std::optional<TaskSyscall> ParseSyscall(const std::string& text);

// A line of /proc/PID/maps.
struct MappedRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t file_offset = 0;
  bool is_executable = false;
  std::string path;  // empty: anonymous; "[vdso]"
};
// In their order, which is that of the addresses. Lines that do not parse are left out.
std::vector<MappedRange> ParseMaps(const std::string& maps);

// A line `KEY: <number> [kB]` of status or smaps_rollup; kB are turned into bytes.
std::optional<std::uint64_t> ParseField(const std::string& status, const std::string& key);

// What status says of a thread and its signals.
struct SignalFacts {
  bool is_running = false;
  bool is_strict = false;     // seccomp's strict mode, in which a handler's return is allowed, but
                              // nothing that ours may do
  std::uint64_t pending = 0;  // a bit each, from signal 1 on; the thread's own
  std::uint64_t blocked = 0;
  std::uint64_t caught = 0;

  bool Blocks(int signal) const { return (blocked >> (signal - 1) & 1) != 0; }
  bool Catches(int signal) const { return (caught >> (signal - 1) & 1) != 0; }
};
std::optional<SignalFacts> ParseSignals(const std::string& status);

// The PID that the process itself sees: the last number of `NSpid:`.
std::optional<std::uint32_t> ParseNamespacePid(const std::string& status);

// The inode in what the link /proc/PID/ns/pid says: `pid:[4026531836]`.
std::optional<std::uint64_t> ParseNamespaceLink(const std::string& link);

// The second number of `Uid: real effective saved filesystem`.
std::optional<std::uint32_t> ParseEffectiveUid(const std::string& status);

// True when a file whose name begins with `library` is mapped.
bool MapsHaveLibrary(const std::string& maps, const std::string& library);

// A file as maps and stat() name it; all zero: none.
struct MappedNode {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

// The first mapped file called `name`, in whatever folder.
MappedNode FindMappedNode(const std::string& maps, const std::string& name);

// Value of a variable in a NUL-separated environment.
std::optional<std::string> EnvironmentValue(const std::string& environment,
                                            const std::string& name);

}  // namespace limpet
