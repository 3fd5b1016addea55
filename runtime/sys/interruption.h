// What a signal handler is told of the code that it interrupted.
//
// Runs: target, signal handlers.  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <ucontext.h>

#include <cstdint>

#include "runtime/layout/stack_node.h"
#include "runtime/sys/caller_frame.h"

namespace limpet::sys {

// Unwinding starts with the interrupted instruction itself, which the address says.
inline CallerFrame InterruptedFrame(const void* context) {
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  auto value = [&registers](int index) { return static_cast<std::uint64_t>(registers[index]); };
  return {(value(REG_RIP) & kFrameAddressMask) | kFrameIsExact, value(REG_RSP), value(REG_RBP)};
}

// The low end of the thread's signal stack if the handler runs there, else 0.
[[gnu::always_inline]] inline std::uint64_t SignalStackLow(const void* context) {
  const stack_t& stack = static_cast<const ucontext_t*>(context)->uc_stack;
  auto low = reinterpret_cast<std::uint64_t>(stack.ss_sp);
  auto here = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
  return here - low < stack.ss_size ? low : 0;
}

}  // namespace limpet::sys
