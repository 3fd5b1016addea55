// A stream of stdio before a call: what its buffer can serve, which is nothing while another thread
// has it, and the wait where that does not do.
//
// A look at the ends of the buffer takes no lock, and does not look into it: another thread that
// uses the stream meanwhile makes it wrong, and then a wait is not told, or one told that was none.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <stdio.h>

#include <cstddef>
#include <cstdint>

#include "preload/parked_call.h"
#include "runtime/sys/thread_pointer.h"

namespace limpet {

// Who wants to use the stream then waits for that thread, which often waits itself: for the reader
// of a full pipe.
inline bool IsHeldByAnother(const FILE* stream) {
  struct Lock {  // glibc: sysdeps/nptl/stdio-lock.h
    int lock, count;
    std::uint64_t owner;  // its thread pointer
  };
  auto* lock = reinterpret_cast<const Lock*>(stream->_lock);
  return lock != nullptr && __atomic_load_n(&lock->lock, __ATOMIC_RELAXED) != 0 &&
         __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) != sys::ThreadPointer();
}

inline std::size_t BytesToRead(const FILE* stream) {
  bool holds_some = stream->_IO_read_ptr < stream->_IO_read_end && !IsHeldByAnother(stream);
  return holds_some ? static_cast<std::size_t>(stream->_IO_read_end - stream->_IO_read_ptr) : 0;
}

// None where each line, or each byte, is written at once.
inline std::size_t RoomToWrite(const FILE* stream) {
  bool has_room = stream->_IO_write_ptr < stream->_IO_write_end && !IsHeldByAnother(stream);
  return has_room ? static_cast<std::size_t>(stream->_IO_write_end - stream->_IO_write_ptr) : 0;
}

// Who goes to another place of the file writes out first. Wide characters lie elsewhere.
inline bool IsWritten(const FILE* stream) {
  return stream->_mode <= 0 && stream->_IO_write_ptr == stream->_IO_write_base &&
         !IsHeldByAnother(stream);
}

// Some of them come to the kernel by calls that have hooks (a stream of fopencookie()).
inline Wait StreamWait(WaitReason reason, const FILE* stream) {
  bool is_one = stream != nullptr;  // fflush(nullptr): all of them
  return {.reason = reason,
          .descriptor = is_one ? stream->_fileno : -1,
          .object = AddressOf(stream),
          .is_composite = true};
}

}  // namespace limpet
