// Which descriptors poll, select and epoll wait for: the arguments of the call say it, and of an
// epoll the kernel.
//
//   7 fds 2 -1             pollfd fds[2]: 4, 5
//   /proc/PID/fdinfo/6     tfd: 4 events: 19 ...    tfd: 5 events: 19 ...
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/reader/proc_text.h"
#include "tools/threads/remote_memory.h"

namespace limpet {

// Of a server there may be a hundred thousand: these are listed, the others counted.
inline constexpr std::size_t kMaxListedDescriptors = 64;

struct WaitedDescriptors {
  std::vector<std::int32_t> listed;  // ascending, each once
  std::uint64_t others = 0;
};

// None where `call` is another one, or may not be looked into. `process_folder`: "/proc/PID".
WaitedDescriptors ReadWaitedDescriptors(const TaskSyscall& call, RemoteMemory& memory,
                                        const std::string& process_folder);

// Of what fdinfo says of an epoll.
std::vector<std::int32_t> ParseEpollTargets(const std::string& fdinfo);

}  // namespace limpet
