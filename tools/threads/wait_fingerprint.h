// What a thread waits for, told by the system call that it is blocked in: a mutex of glibc waits
// for the word 2 to change, a joiner for the word that holds the other's thread id.
//
//   202 &mutex FUTEX_WAIT_PRIVATE 2      kMutex, its owner stands 8 bytes behind
//   202 &tid   FUTEX_WAIT 4243           kJoin, of 4243
//   202 ...                              kFutex: of what, only the stack can tell
//   7 fds 2 -1                           kPoll
//
// Runs: companion.  Threads: one.  Allocates: never.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "tools/reader/proc_text.h"
#include "tools/reader/segment_snapshot.h"
#include "tools/threads/remote_memory.h"

namespace limpet {

// Fills the waiting part of `thread` but for its stack. `thread_ids`: of all threads of the
// process, as it sees them.
void DescribeCall(const TaskSyscall& call, const std::set<std::uint32_t>& thread_ids,
                  RemoteMemory& memory, ThreadRecord& thread);

// The same by what the kernel sleeps in, where the call may not be seen.
void DescribeChannel(const std::string& wait_channel, ThreadRecord& thread);

// A mutex or a read-write lock.
bool IsLock(WaitReason reason);

// Who holds the lock now: its waiter's slot says who did when the wait began.
void RefreshOwner(RemoteMemory& memory, ThreadRecord& thread);

// Only a lock in shared memory has an owner in another process.
bool MayBeShared(RemoteMemory& memory, const ThreadRecord& thread);

// Whether a thread that says it waits so may be blocked in this call. Not where a longjmp left the
// wait, nor in a signal handler that interrupted it, nor where it waits for another lock by now.
bool MayBeIn(const TaskSyscall& call, const ThreadRecord& thread);

}  // namespace limpet
