// How many timers each of a process's threads serves: timer_create(SIGEV_THREAD) has libc make one
// thread, which sleeps until the next of them expires.
//
//   ID: 2 / signal: 32/0000563088bcb530 / notify: signal/tid.21369 / ClockID: 1   ->   21369: 1
//
// Source: Linux, fs/proc/base.c, show_timer(); glibc, internal-signals.h: SIGTIMER
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>

#include "absl/strings/string_view.h"

namespace limpet {

// By thread id as we see it. `text` is what /proc/PID/timers says; lines that are none of it are
// passed over.
std::map<std::uint32_t, std::uint32_t> CountTimers(absl::string_view text);

}  // namespace limpet
