// Who this process is, as /proc tells it.
//
// Runs: target hot path (cold side: once a segment).  Threads: any; async-signal-safe.  Allocates:
// never.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limpet::sys {

// Start of the process in clock ticks since boot (proc(5), stat field 22). With the pid it names a
// process for ever. Where /proc is not there (chroot), the time since boot now, which is later but
// as unique.
std::uint64_t ProcessStartTicks();

// Inode of this process's pid namespace, 0: not to be known.
std::uint64_t PidNamespace();

// Feeds what /proc/self/cgroup says to `hash`, a piece at a time.
void ReadCgroups(std::uint64_t* hash,
                 std::uint64_t (*add)(std::uint64_t, const char*, std::size_t));

// True when the parent of this process has a file mapped whose path holds `name`.
bool ParentHasMapped(const char* name);

// Address space that is mapped, and the part of it that is private and writable: what RLIMIT_AS and
// RLIMIT_DATA count, the latter with the main stack. 0: not to be known.
std::uint64_t AddressSpaceBytes();
std::uint64_t PrivateDataBytes();

// The thread that libc makes for all timers that call a function; 0: not to be known. Sought among
// the timers that were made last.
std::uint32_t TimerThreadId();

// Each fills `text` as far as it goes and ends it with NUL.
void ReadExecutablePath(char* text, std::size_t bytes);
// The last part of the path that was executed: for /usr/bin/redis-server, a link to
// redis-check-rdb, it is redis-server; for a script it is the script.
void ReadProgramName(char* text, std::size_t bytes);
void ReadCommandLine(char* text, std::size_t bytes);  // arguments, each ended by NUL

}  // namespace limpet::sys
