// `limpet run` as the first process of a container.
//
//   PID 1: limpet run --+-- program          signals are passed on to it; its status is ours
//                       +-- limpet watch     writes the last profile before we go
//                       +-- orphans          are reaped
//
// An exec would leave the program with our watcher as a child. Kernel: the first process gets no
// signal by default action, and everything ends with it (pid_namespaces(7)).
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <sys/types.h>

#include <functional>

namespace limpet {

// Forks; the child calls `become_program`, whose result is its exit status if it comes back;
// `start_watcher` gets the program's pid and gives the watcher's, or -1. Returns the program's
// status, 128 + signal if one ended it.
int RunAsInit(const std::function<int()>& become_program,
              const std::function<pid_t(pid_t)>& start_watcher);

}  // namespace limpet
