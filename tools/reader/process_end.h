// How a process ended, as far as the kernel tells somebody who is not its parent.
//
//   not reaped yet   /proc/PID/stat, exit_code, where we may read the process (proc(5))
//   reaped           PIDFD_GET_INFO with PIDFD_INFO_EXIT, since Linux 6.15
//
// Kernel: include/uapi/linux/pidfd.h, fs/pidfs.c (pidfd_info). Nothing is guessed: where neither
// says, nothing is known.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "tools/reader/segment_directory.h"

namespace limpet {

struct ProcessEnd {
  // As wait() tells it. 0: not known, or exit status 0, from which an unreadable one cannot be
  // told.
  std::uint32_t status = 0;
  std::uint32_t oom_kills = 0;  // that its memory cgroup counted meanwhile
};

// Of the process that `pidfd`, which is readable, stands for.
std::uint32_t ReadEndStatus(int pidfd, const SegmentName& name, const std::string& proc = "/proc");

// "killed by SIGKILL; its cgroup counted an OOM kill", "exit status 3"; empty: nothing is known. An
// OOM kill belongs to a SIGKILL only. Of several, some may be dumps (tools/watch/dump_child.h).
std::string DescribeEnd(const ProcessEnd& end);

}  // namespace limpet
