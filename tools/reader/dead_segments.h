// Bounds what dead processes leave, by the rule of runtime/layout/dead_segments.h.
//
// Only segments of our own user, whose process is known to be dead: of our own pid namespace, or
// open for writing to nobody on this machine. What somebody reads stays.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

// `max_segments` absent: as many as the newest segment's own setting says.
void RemoveOldDeadSegments(const std::vector<std::string>& directories,
                           std::optional<std::uint64_t> max_segments);

// False: somebody reads it, or it may not be removed.
bool RemoveUnreadSegment(const std::string& path);

}  // namespace limpet
