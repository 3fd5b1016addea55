// Which process a segment belongs to, and whether that lives, also across pid namespaces.
//
//   pid and start time, as the process sees itself, and its namespace --> a PID as we see it
//
// A pid of another namespace may be somebody else's here, and who is not to be seen from here is
// not dead: it may be in another container that shares the runtime directory. It is dead where we
// would see it (our own namespace, the machine's first, one of which we see others), or where no
// process of the machine has its segment open for writing any more.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct SegmentOwner {
  std::uint32_t pid = 0;  // as it sees itself
  std::uint64_t start_ticks = 0;
  std::uint64_t pid_namespace = 0;  // inode, 0: unknown
  std::optional<bool> has_writer;   // somebody has the segment open for writing; absent: unknown
};

// Of the process that a segment was read of.
SegmentOwner OwnerOf(const SegmentSnapshot& snapshot);

enum class Life : std::uint8_t { kAlive, kDead, kOtherContainer };

struct LivingProcess {
  std::uint32_t pid = 0;            // as we see it
  std::uint32_t namespace_pid = 0;  // as it sees itself
  std::uint64_t start_ticks = 0;
  std::uint64_t pid_namespace = 0;  // 0: we may not look
};

// A process of our own pid namespace, as all are that a companion watches: one look at its folder.
bool LivesHere(const SegmentName& name, const std::string& proc = "/proc");

// All at once.
class LivingProcesses {
 public:
  // Those of this moment. `proc` is "/proc" but in tests.
  static LivingProcesses Read(const std::string& proc = "/proc");

  // Its PID as we see it.
  std::optional<std::uint32_t> Find(const SegmentOwner& owner) const;
  Life LifeOf(const SegmentOwner& owner) const;

  // Some process has this PID, as we see it.
  bool Has(std::uint32_t pid) const;

  // Inode of our own pid namespace, 0: unknown.
  std::uint64_t own_namespace() const { return own_namespace_; }

 private:
  bool WouldSee(std::uint64_t pid_namespace) const;

  std::vector<LivingProcess> processes_;
  std::uint64_t own_namespace_ = 0;
};

}  // namespace limpet
