// The stack of a blocked thread of another process, found without stopping it: from its stack and
// instruction pointers (/proc/PID/task/TID/syscall) and its memory, by libunwind.
//
// No other register is known. Where a frame needs rbp before an inner one has saved it, the stack
// ends there and says so; but a hook of ours has noted its caller.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <memory>

#include "tools/reader/segment_snapshot.h"
#include "tools/threads/remote_memory.h"
#include "tools/threads/remote_modules.h"

namespace limpet {

class RemoteUnwinder {
 public:
  // Both must outlive it.
  RemoteUnwinder(RemoteMemory& memory, const RemoteModules& modules);
  ~RemoteUnwinder();
  RemoteUnwinder(const RemoteUnwinder&) = delete;
  RemoteUnwinder& operator=(const RemoteUnwinder&) = delete;

  // Frames without modules. Empty: nothing could be read.
  StackRecord Walk(std::uint64_t stack_pointer, std::uint64_t instruction);

 private:
  class Library;
  std::unique_ptr<Library> library_;
};

}  // namespace limpet
