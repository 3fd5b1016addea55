// Where segments lie, and which one belongs to a process.
//
//   /dev/shm/limpet-1000/4242-987654.segment        <runtime directory>/<pid>-<start ticks>.segment
//
// A PID returns after its process died; the start time tells the two apart.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limpet {

struct SegmentName {
  std::uint32_t pid = 0;  // as the process sees itself
  std::uint64_t start_ticks = 0;

  bool operator==(const SegmentName&) const = default;
};

struct SegmentEntry {
  std::string path;
  SegmentName name;
};

std::optional<SegmentName> ParseSegmentName(const std::string& file_name);

// The directories to look in: `chosen` alone if given, else $LIMPET_RUNTIME_DIR, else our own below
// /dev/shm, and for root everybody's.
std::vector<std::string> RuntimeDirectories(const std::string& chosen);

// The directory of `uid` when LIMPET_RUNTIME_DIR is not set.
std::string DefaultRuntimeDirectory(std::uint32_t uid);

// Where the segment of a living process may lie, as seen from here. One in a container has its own
// /dev/shm, reached through its root.
std::vector<std::string> DirectoriesOf(std::uint32_t pid, std::uint32_t uid,
                                       const std::string& chosen,
                                       const std::string& proc = "/proc");

// Ordered by PID, then start time. A directory that cannot be read has no segments.
std::vector<SegmentEntry> ListSegments(const std::vector<std::string>& directories);

// That of exactly this process.
std::optional<SegmentEntry> FindSegment(const std::vector<std::string>& directories,
                                        const SegmentName& name);

// The newest of any process that had this PID.
std::optional<SegmentEntry> FindNewestSegment(const std::vector<std::string>& directories,
                                              std::uint32_t pid);

}  // namespace limpet
