#include "tools/reader/last_seen.h"

#include <algorithm>

namespace limpet {

// A write through a mapping leaves tmpfs's time of the file as it was: the last sample knows more,
// and so does the last wait.
std::uint64_t LastSeenUnixNs(const SegmentSnapshot& snapshot) {
  const std::uint64_t begin_ns = snapshot.created_monotonic_ns;
  std::uint64_t last_ns = std::max(snapshot.last_sample_ns, begin_ns);
  for (const ThreadRecord& thread : snapshot.threads) {
    last_ns = std::max({last_ns, thread.started_ns, thread.since_ns});
  }
  const std::uint64_t lived_ns = last_ns - begin_ns;
  return std::max(snapshot.created_unix_ns + lived_ns, snapshot.modified_unix_ns);
}

}  // namespace limpet
