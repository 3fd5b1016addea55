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

// What there is, and what threads are about to enter: several may try at once, and one that is
// refused must not take back what another has entered.
//
//   bit 63 strict   bit 62 filter   32..61 entering strict mode   0..31 entering a filter
class SandboxState {
 public:
  // A filter stays for life, and forked children inherit it, with what other threads were about to
  // enter: they may be taken for sandboxed though they are not, never the other way round.
  Sandbox Current() const {
    std::uint64_t bits = bits_.load(std::memory_order_relaxed);
    if (bits == 0) return Sandbox::kNone;
    return (bits & (kStrict | kEnteringStrict)) != 0 ? Sandbox::kStrict : Sandbox::kFilter;
  }

  // Around the call: start before, then exactly one of both, with the same `wanted`; not kNone.
  void Start(Sandbox wanted) { bits_.fetch_add(One(wanted), std::memory_order_relaxed); }
  void Refuse(Sandbox wanted) { bits_.fetch_sub(One(wanted), std::memory_order_relaxed); }
  void Enter(Sandbox wanted) {
    bits_.fetch_or(Entered(wanted), std::memory_order_relaxed);
    Refuse(wanted);
  }

 private:
  static constexpr std::uint64_t kStrict = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kFilter = std::uint64_t{1} << 62;
  static constexpr std::uint64_t kOneStrict = std::uint64_t{1} << 32;
  static constexpr std::uint64_t kEnteringStrict = kFilter - kOneStrict;

  static constexpr std::uint64_t One(Sandbox wanted) {
    return wanted == Sandbox::kStrict ? kOneStrict : 1;
  }
  static constexpr std::uint64_t Entered(Sandbox wanted) {
    return wanted == Sandbox::kStrict ? kStrict : kFilter;
  }

  std::atomic<std::uint64_t> bits_ = 0;
};

inline constinit SandboxState g_sandbox;

inline Sandbox CurrentSandbox() { return g_sandbox.Current(); }
inline bool IsSandboxed() { return CurrentSandbox() != Sandbox::kNone; }

}  // namespace limpet::sys
