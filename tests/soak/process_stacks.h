// Prints where all threads of a process group are: what a watchdog says before it gives up.
//
// Runs: judges of the soak.  Threads: one.  Allocates: yes.
#pragma once

#include <sys/types.h>

namespace limpet {

// By gdb where it is installed, else what the kernel tells.
void PrintStacksOfGroup(pid_t group);

}  // namespace limpet
