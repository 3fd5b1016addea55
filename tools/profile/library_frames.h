// Which frames are a library's and not the program's, and what a library waits for where it parks
// on a bare futex: std::latch, std::future, Rust's std, abseil have no lock that a hook could see.
//
//   syscall <- std::__atomic_wait_address <- std::latch::wait <- Work    a WaitGroup
//   syscall <- app+0x1234                                                stripped: nobody knows
//
// Names are simple ones (SimpleName).
//
// Runs: companion.  Threads: any.  Allocates: never.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace limpet {

bool IsLibraryName(std::string_view name);

// libc's start of a thread or of main, which every stack ends with.
bool IsThreadStart(std::string_view name);

// Where the program's own frames are in a stack, leaf first: [first, last). Before them is what it
// called in libraries, behind them what started it. All of it where nothing is the program's.
struct FrameRange {
  std::size_t first = 0;
  std::size_t last = 0;
};
FrameRange FindProgram(const std::vector<std::string_view>& names);

// Go's word for what the innermost library frames wait for; empty: their names say nothing.
// `names` are leaf first, inlined ones too. Looked at up to the first that is the program's; the
// outermost that is known has the word, as Receiver::recv parks by Condvar::wait.
std::string_view ReasonByFrames(const std::vector<std::string_view>& names);

// Of who wakes by a futex: Go's word for the lock that the innermost library frames let go of;
// empty: it is none, or their names say nothing.
std::string_view LockByFrames(const std::vector<std::string_view>& names);

}  // namespace limpet
