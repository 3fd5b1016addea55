// Where a thread's own stack lies: [low, high), known from its creation.
//
// Runs: thread creation and start.  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

struct StackBounds {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool Holds(std::uint64_t address) const { return address >= low && address < high; }
};

// The main thread's stack. Call at start, before the program can forbid getrlimit.
StackBounds MainThreadBounds();

// The stack of a thread made by pthread_create with `stack_bytes`; called in that thread. Its high
// end is the thread's control block.
StackBounds OwnThreadBounds(std::uint64_t stack_bytes);

// Of one whose size is not known: no thread of libc has less (PTHREAD_STACK_MIN).
inline constexpr std::uint64_t kLeastStackBytes = 16 << 10;

}  // namespace limpet
