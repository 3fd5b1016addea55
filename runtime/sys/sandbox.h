// Whether the program has put itself under a filter of system calls.
//
// Such a filter may end the process at a call that it does not expect. Under one we make only those
// that malloc and threads need as well; preload/README.md has the list.
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <atomic>
#include <cstdint>

namespace limpet::sys {

enum class Sandbox : std::uint8_t {
  kNone,
  kFilter,  // seccomp's filters
  kStrict,  // seccomp's strict mode: read, write, and the end
};

// A filter stays for life, and forked children inherit it.
inline constinit std::atomic<Sandbox> g_sandbox = Sandbox::kNone;

inline Sandbox CurrentSandbox() { return g_sandbox.load(std::memory_order_relaxed); }
inline bool IsSandboxed() { return CurrentSandbox() != Sandbox::kNone; }

}  // namespace limpet::sys
