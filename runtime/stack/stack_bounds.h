// The memory that a walk may read: [low, high) of the stack it is on.
//
// A thread's own stack is known from its creation. Any other stack (sigaltstack, fiber) is probed:
// the kernel is asked how far upwards the memory is readable, because such a stack has no record.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

struct StackBounds {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool Holds(std::uint64_t address) const { return address >= low && address < high; }
};

// Readable memory from `stack_pointer` upwards, at most 64 KiB; empty where the kernel refuses.
StackBounds ProbeStack(std::uint64_t stack_pointer);

// The main thread's stack. Call at start, before the program can forbid getrlimit.
StackBounds MainThreadBounds();

// The stack of a thread made by pthread_create with `stack_bytes`; called in that thread. Its high
// end is the thread's control block.
StackBounds OwnThreadBounds(std::uint64_t stack_bytes);

}  // namespace limpet
