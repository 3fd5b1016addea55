#include "tools/reader/last_seen.h"

#include <algorithm>

namespace limpet {

std::uint64_t LastEventNs(const SegmentSnapshot& snapshot) {
  std::uint64_t last_ns = std::max(snapshot.last_sample_ns, snapshot.created_monotonic_ns);
  for (const ThreadRecord& thread : snapshot.threads) {
    last_ns = std::max({last_ns, thread.started_ns, thread.since_ns});
  }
  return last_ns;
}

// A write through a mapping leaves tmpfs's time of the file as it was: the last sample knows more,
// and so does the last wait.
std::uint64_t LastSeenUnixNs(const SegmentSnapshot& snapshot) {
  const std::uint64_t lived_ns = LastEventNs(snapshot) - snapshot.created_monotonic_ns;
  return std::max(snapshot.created_unix_ns + lived_ns, snapshot.modified_unix_ns);
}

}  // namespace limpet
