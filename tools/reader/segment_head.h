// Whose segment a file is and who that process came from, without reading the rest of it.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tools/reader/segment_directory.h"

namespace limpet {

struct SegmentHead {
  SegmentName name;                 // as the process sees itself
  std::uint32_t parent_pid = 0;     // when the segment was made; 0: in no namespace of the process
  std::uint64_t pid_namespace = 0;  // inode, 0: unknown
  bool has_exited = false;          // it ended by itself and said so
  std::uint32_t dump_requests = 0;
};

// Refuses what ReadSegment does.
absl::StatusOr<SegmentHead> ReadSegmentHead(const std::string& path);

}  // namespace limpet
