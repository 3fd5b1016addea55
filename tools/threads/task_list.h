// The threads of a living process, as the kernel tells: no hook is needed, and nobody is stopped.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/reader/proc_text.h"
#include "tools/reader/process_facts.h"

namespace limpet {

struct TaskFacts {
  std::uint32_t thread_id = 0;      // as we see it
  std::uint32_t own_thread_id = 0;  // as the process sees it
  StatFacts stat;

  bool IsRunning() const { return stat.state == 'R'; }
};

// Without those that have ended. `proc` is "/proc" but in tests.
std::vector<TaskFacts> ListTasks(const ProcessFacts& process, const std::string& proc);

// One of them, by its id where the process sees the same ids as we do.
std::optional<TaskFacts> ReadTask(const ProcessFacts& process, std::uint32_t thread_id,
                                  const std::string& proc);

// What else it tells of one thread. Absent: it has ended, or we may not look.
class TaskFiles {
 public:
  TaskFiles(std::uint32_t pid, std::uint32_t thread_id, const std::string& proc);

  std::optional<TaskSyscall> Syscall() const;
  // It is on a CPU, the process catches the signal, and the thread does not block it.
  bool MayAsk(int signal) const;
  // That it has run so far.
  std::optional<std::uint64_t> CpuNs() const;
  std::string WaitChannel() const;  // the kernel's function it sleeps in; empty: unknown

 private:
  std::string folder_;
};

// The kernel takes the process down: each of its threads has SIGKILL pending, or is gone.
bool IsEnding(std::uint32_t pid, const std::string& proc);

// What an open file of the process is: "pipe:[8123]", "pipe:/a/fifo", "socket:[12]", a path;
// empty: unknown.
std::string ReadDescriptorTarget(std::uint32_t pid, std::int32_t descriptor,
                                 const std::string& proc);

}  // namespace limpet
