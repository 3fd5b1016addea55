// What the running kernel is able to do, by its version.
//
// Runs: tests.  Threads: any.  Allocates: never.
#pragma once

#include <sys/utsname.h>

#include <cstdio>

namespace limpet {

// PIDFD_GET_INFO has the exit status of a process that was reaped since Linux 6.15.
inline bool TellsTheEndOfTheReaped() {
  utsname system = {};
  int major = 0, minor = 0;
  uname(&system);
  return std::sscanf(system.release, "%d.%d", &major, &minor) == 2 && major * 1000 + minor >= 6015;
}

}  // namespace limpet
