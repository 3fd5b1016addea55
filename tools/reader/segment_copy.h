// Copies a segment as it is, in little memory, so that it can be read in peace: when there is no
// memory or time to name its stacks now, or when the process goes on.
//
//   allocations, mappings, threads -> sites -> stack nodes -> modules -> strings -> header
//
// Slots that change while they are copied are marked torn. Behind `used`, and where there are only
// zeros, the copy is a hole.
//
// Runs: companion.  Threads: any.  Allocates: at most 256 KiB at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace limpet {

// Where the copy goes. Bytes that are never written are to be zeros.
struct SegmentSink {
  std::function<absl::Status(std::uint64_t bytes)> set_bytes;
  std::function<absl::Status(std::uint64_t offset, absl::string_view bytes)> write_at;
};

// When the process was as its copy shows it, by both clocks; written into the copy.
struct CopyMoment {
  std::uint64_t unix_ns = 0;
  std::uint64_t monotonic_ns = 0;
};

// Status as of ReadSegment, or the sink's own.
absl::Status CopySegment(const std::string& path, const CopyMoment& moment,
                         const SegmentSink& sink);

}  // namespace limpet
