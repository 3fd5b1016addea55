// Waits for child processes and for signals of any kind.

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "preload/parked_hook.h"

namespace limpet {

// -1: any child.
static Wait ChildWait(long pid = -1) {
  return {.reason = WaitReason::kChild, .object = static_cast<std::uint64_t>(pid)};
}

// Done by several calls inside of libc.
static Wait CommandWait() {
  return {.reason = WaitReason::kChild, .object = ~std::uint64_t{0}, .is_composite = true};
}

static Wait PauseWait() { return {.reason = WaitReason::kPause}; }

// clang-format off
#define LIMPET_CHILD_HOOKS(X) \
  X(pid_t, Wait, "wait", (int* status), (status), ChildWait()) \
  X(pid_t, Waitpid, "waitpid", (pid_t pid, int* status, int options), (pid, status, options), ChildWait(pid)) \
  X(pid_t, WaitpidAlias, "__waitpid", (pid_t pid, int* status, int options), (pid, status, options), ChildWait(pid)) \
  X(pid_t, Wait3, "wait3", (int* status, int options, void* usage), (status, options, usage), ChildWait()) \
  X(pid_t, Wait4, "wait4", (pid_t pid, int* status, int options, void* usage), (pid, status, options, usage), ChildWait(pid)) \
  X(int, Waitid, "waitid", (int kind, unsigned id, siginfo_t* info, int options), (kind, id, info, options), ChildWait(kind == P_PID ? static_cast<long>(id) : -1)) \
  X(int, System, "system", (const char* command), (command), CommandWait()) \
  X(int, Pclose, "pclose", (FILE* stream), (stream), CommandWait()) \
  X(int, Pause, "pause", (), (), PauseWait()) \
  X(int, Sigsuspend, "sigsuspend", (const sigset_t* mask), (mask), PauseWait()) \
  X(int, SigsuspendAlias, "__sigsuspend", (const sigset_t* mask), (mask), PauseWait()) \
  X(int, Sigpause, "sigpause", (int mask), (mask), PauseWait()) \
  X(int, SigpauseOfX, "__xpg_sigpause", (int signal), (signal), PauseWait())
// clang-format on

LIMPET_CHILD_HOOKS(LIMPET_PARKED_HOOK)

void BindChildHooks() { LIMPET_CHILD_HOOKS(LIMPET_BIND_HOOK) }

}  // namespace limpet
