// Starts a program that the calling process never hears of: not its child, no SIGCHLD, no
// descriptor.
//
//   caller --clone(VM|VFORK)--> middle --clone(VM|VFORK)--> program (execve)
//            reaped at once      exits: the program's parent is now init
//
// CLONE_VFORK makes each clone return after its child has called execve or ended, so stacks can be
// shared and static. exit_signal 0 keeps the middle one from a plain wait(). Nothing but system
// calls runs in between: memory and thread-local storage are the caller's.
//
// Runs: target, dump signal and exit.  Threads: one at a time (the caller sees to it);
// async-signal-safe. Allocates: never.
#pragma once

#include <cstdint>

namespace limpet::sys {

struct DetachedProcess {
  int pid = 0;           // 0: could not be started
  int error_number = 0;  // then: why
};

// What the new process does before it becomes the program: with the rights and descriptors that the
// program will have, in the caller's memory, on a stack of 8 KiB, with all signals blocked.
struct Preparation {
  // A descriptor that the program finds as kHandedDescriptor; kNothingHanded; or an error number,
  // negated: nothing is started.
  long (*prepare)(void* context);
  void* context;
};
inline constexpr int kHandedDescriptor = 3;
inline constexpr long kNothingHanded = 0;

// Runs the first of `paths` (ended by nullptr) that can be executed, with `arguments` and an empty
// environment, in a session of its own, stdin, stdout and stderr on /dev/null (an empty file where
// that is not there), no other descriptor open but what is handed, no signal blocked, each limit as
// high as it may be.
DetachedProcess StartDetached(const char* const* paths, const char* const* arguments,
                              const Preparation* preparation = nullptr);

// Waits until `pid`, which need not be a child, has ended, though nobody may have reaped it. False:
// `timeout_ms` passed first; 0 only looks.
bool WaitUntilGone(int pid, int timeout_ms);

}  // namespace limpet::sys
