// Bounds what dead processes leave, by the rule of runtime/layout/dead_segments.h.
//
// Only segments of our own user, whose process is known to be dead: of our own pid namespace, or
// open for writing to nobody on this machine. What somebody reads stays. A file without a header,
// and without anybody who could write one, is evidence of nothing, and goes at once.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/reader/segment_file.h"

namespace limpet {

// `max_segments` absent: as many as the newest segment's own setting says.
void RemoveOldDeadSegments(const std::vector<std::string>& directories,
                           std::optional<std::uint64_t> max_segments);

// Its process died while it made it. Only where the system says who writes.
bool CanNeverBegin(const SegmentFile& file);

// False: somebody reads it, it is another user's, or it may not be removed. `known`: only this
// file, if another one is meant by the path now, that one stays.
bool RemoveUnreadSegment(const std::string& path, std::optional<FileNode> known = std::nullopt);

}  // namespace limpet
