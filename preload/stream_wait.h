// A stream of stdio before a call: what its buffer can serve, and the wait where that does not do.
//
// A look at the ends of the buffer takes no lock, and does not look into it: another thread that
// uses the stream meanwhile makes it wrong, and then a wait is not told, or one told that was none.
//
// Runs: target hot path.  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <stdio.h>

#include <cstddef>

#include "preload/parked_call.h"

namespace limpet {

inline std::size_t BytesToRead(const FILE* stream) {
  return stream->_IO_read_ptr < stream->_IO_read_end
             ? static_cast<std::size_t>(stream->_IO_read_end - stream->_IO_read_ptr)
             : 0;
}

// None where each line, or each byte, is written at once.
inline std::size_t RoomToWrite(const FILE* stream) {
  return stream->_IO_write_ptr < stream->_IO_write_end
             ? static_cast<std::size_t>(stream->_IO_write_end - stream->_IO_write_ptr)
             : 0;
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
