// Which processes descend from one, the living and the dead.
//
//   /proc/PID/stat    its parent now: init, or a subreaper, once the real one has ended
//   segment header    its parent when the segment was made, of the dead and of orphans too
//
// Either link is enough. A PID returns after its process died, so the parent that a segment states
// is the newest process of that PID that had started when the child did.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

struct TreeProcess {
  std::uint32_t pid = 0;          // as seen from here; of a dead one as it saw itself
  std::uint64_t start_ticks = 0;  // 0: gone, and all that is known is its PID
  bool is_alive = false;
  std::string segment;  // path, empty: none that we can see
};

// The root first, whatever is known of it; then its descendants that live or left a segment, oldest
// first. `chosen` as in RuntimeDirectories.
std::vector<TreeProcess> FindProcessTree(std::uint32_t root, const std::string& chosen,
                                         const std::string& proc = "/proc");

}  // namespace limpet
