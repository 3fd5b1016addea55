// How long segments of dead processes stay as evidence: the rule that targets and companions share.
//
//   found dead --24 h--> too old      more than the user keeps, or kMaxDeadBytes --> the first goes
//
// The first is one that is no evidence: its process ended by itself but might not remove it, or
// made it before it gave up its rights, sampled nothing and had no second thread: what a thread
// waited for is evidence too. Then one that is too old, then one
// whose last profile is written, then the one found dead first. The time runs from when somebody
// found the process dead, not from the file's own: of a quiet service that ran for a month the file
// is a month old, and its evidence would go with the very restart that follows its death.
//
// Runs: target startup | companion.  Threads: plain data.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

inline constexpr std::uint64_t kDefaultMaxDeadSegments = 16;  // of a user
inline constexpr std::uint64_t kMaxDeadBytes = 32 << 20;      // of a user
inline constexpr std::uint64_t kMaxDeadNs = std::uint64_t{24} * 3600 * 1'000'000'000;

struct DeadSegmentAge {
  bool is_empty = false;  // ended by itself, or killed before it had anything to tell
  bool has_last_profile = false;
  std::uint64_t found_dead_unix_ns = 0;
  std::uint64_t modified_unix_ns = 0;  // tells apart those that were found at once

  bool IsTooOld(std::uint64_t now_unix_ns) const {
    return is_empty ||
           (found_dead_unix_ns < now_unix_ns && now_unix_ns - found_dead_unix_ns > kMaxDeadNs);
  }
  bool GoesBefore(const DeadSegmentAge& other, std::uint64_t now_unix_ns) const {
    if (is_empty != other.is_empty) return is_empty;
    bool is_old = IsTooOld(now_unix_ns);
    if (is_old != other.IsTooOld(now_unix_ns)) return is_old;
    if (has_last_profile != other.has_last_profile) return has_last_profile;
    if (found_dead_unix_ns != other.found_dead_unix_ns)
      return found_dead_unix_ns < other.found_dead_unix_ns;
    return modified_unix_ns < other.modified_unix_ns;
  }
};

}  // namespace limpet
