// Where a hook was called from: the registers that unwinding starts with.
//
//   [rbp] = caller's rbp    [rbp+8] = return address into the caller    rbp+16 = caller's rsp
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet::sys {

struct CallerFrame {
  std::uint64_t return_address;
  std::uint64_t stack_pointer;
  std::uint64_t frame_pointer;
};

// Must be expanded in the body of the function whose caller is meant: it reads that function's own
// frame, which is there because target code is compiled with frame pointers.
[[gnu::always_inline]] inline CallerFrame CaptureCaller() {
  auto frame = static_cast<const std::uint64_t*>(__builtin_frame_address(0));
  return {frame[1], reinterpret_cast<std::uint64_t>(frame + 2), frame[0]};
}

}  // namespace limpet::sys
