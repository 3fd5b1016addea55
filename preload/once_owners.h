// Which thread does what others wait for: the routine of a pthread_once, the initialisation of a
// function's static variable. libc keeps only that somebody does.
//
// A few at a time. One whose routine was left by an exception or the thread's end stays, and says
// nothing wrong: nobody waits for it until another thread begins it anew.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

void SetOnceOwner(const void* flag, std::uint32_t thread_id);
void ClearOnceOwner(const void* flag);

// Kernel's id; 0: not known.
std::uint32_t OnceOwner(const void* flag);

}  // namespace limpet
