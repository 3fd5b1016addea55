// Who this process is, as /proc tells it.
//
// Runs: target hot path (cold side: once a segment).  Threads: one.  Allocates: never.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limpet {

// Start of the process in clock ticks since boot (proc(5), stat field 22). With the pid it names a
// process for ever. Where /proc is not there (chroot), the time since boot now, which is later but
// as unique.
std::uint64_t ProcessStartTicks();

// Each fills `text` as far as it goes and ends it with NUL.
void ReadExecutablePath(char* text, std::size_t bytes);
void ReadCommandLine(char* text, std::size_t bytes);  // arguments, each ended by NUL

}  // namespace limpet
