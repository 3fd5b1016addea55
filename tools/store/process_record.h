// What is known of a process whose dumps are kept, and of each of its dumps.
//
// Runs: companion.  Threads: plain data.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

inline constexpr char kReasonUnknown[] = "unknown";
inline constexpr char kReasonDemand[] = "demand";  // a user asked
inline constexpr char kStateRunning[] = "running";
inline constexpr char kStateDead[] = "dead";

struct DumpFile {
  std::string name;
  std::string profile;
  std::string extension;
  std::uint64_t disk_bytes = 0;
};

struct DumpRecord {
  std::uint64_t number = 0;
  std::string time;  // "20261121T092356Z"
  std::string reason = kReasonUnknown;
  std::vector<DumpFile> files;
  std::optional<std::int64_t> in_use_bytes;  // absent: not looked at, as of a copied segment
  std::optional<std::int64_t> allocated_bytes;

  bool IsSameDump(const DumpRecord& other) const {
    return number == other.number && time == other.time;
  }
};

struct ProcessRecord {
  std::string executable;
  std::string build_id;  // hex, of the executable
  std::string program;
  std::vector<std::string> command_line;
  std::uint32_t pid = 0;
  std::uint32_t parent_pid = 0;
  std::uint32_t uid = 0;
  std::string host;
  std::string started;  // "2026-11-21T09:23:56Z"
  std::uint64_t sample_interval_bytes = 0;
  std::string state;  // at the last dump; empty: that was of a copy, and nothing older is known
  std::string end;    // "killed by SIGKILL"; empty: not known, or it lives
  std::map<std::string, std::uint64_t> losses;
  std::uint64_t removed_dumps = 0;
  std::string note;               // why more is kept than was allowed; empty: it is not
  std::vector<DumpRecord> dumps;  // ascending
};

// All but host, state and dumps.
ProcessRecord RecordOf(const SegmentSnapshot& snapshot);

// When a process started, in nanoseconds since 1970. The clock ticks count from the boot of this
// machine: a segment that is older than that keeps the time at which it was made.
struct BootClock {
  std::int64_t boot_unix_ns = 0;
  std::int64_t ticks_per_second = 100;
};
std::int64_t StartUnixNs(const SegmentSnapshot& snapshot, const BootClock& clock);

// A reason that we give; kReasonDemand for none, kReasonUnknown for any other.
std::string KnownReason(const std::string& reason);

}  // namespace limpet
