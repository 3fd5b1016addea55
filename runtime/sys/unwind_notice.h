// Lets a function be told when an exception, a cancellation or pthread_exit leaves it.
//
//   unwinder, second phase --personality routine of the function's unwind table--> `symbol`
//
// Such a routine may only look on: it says "go on" (kContinueUnwind), and nothing of ours is thrown
// or caught. It costs nothing where nothing is unwound, and leaves nothing behind in a function
// that longjmp leaves, as an entry in the thread's list of clean-up handlers would: a thread that
// ends later would jump to it.
//
// Source: Itanium C++ ABI: Exception Handling, 1.6 (personality routine).
//
// Runs: target.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet::sys {

inline constexpr int kContinueUnwind = 8;      // _URC_CONTINUE_UNWIND
inline constexpr int kUnwindCleanupPhase = 2;  // _UA_CLEANUP_PHASE, a bit of the actions
inline constexpr int kUnwindForced = 8;        // _UA_FORCE_UNWIND, likewise: the thread is to end

using Personality = int(int version, int actions, std::uint64_t exception_class, void* exception,
                        void* context);

// Must be expanded in the function's own body, at its start: it adds a line to its unwind table.
// 0x1b: the routine's address is given as a distance of four bytes (DW_EH_PE_pcrel | sdata4).
#define LIMPET_TELL_WHEN_UNWOUND(symbol) __asm__ volatile(".cfi_personality 0x1b, " symbol)

}  // namespace limpet::sys
