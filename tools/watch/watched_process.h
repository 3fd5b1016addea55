// One process that is watched: how it is looked at, and what became of it.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/layout/segment.h"
#include "tools/reader/oom_kills.h"
#include "tools/reader/process_end.h"
#include "tools/reader/segment_directory.h"
#include "tools/reader/segment_file.h"
#include "tools/watch/dump_plan.h"

namespace limpet {

class WatchedProcess {
 public:
  // NotFound: no living process has this segment. FailedPrecondition: it is not ours to watch.
  static absl::StatusOr<WatchedProcess> Begin(const SegmentEntry& entry, std::uint64_t key);

  WatchedProcess(WatchedProcess&& other) noexcept;
  WatchedProcess& operator=(WatchedProcess&& other) = delete;
  ~WatchedProcess();

  // Readable once the process has ended.
  int descriptor() const { return descriptor_; }
  const SegmentEntry& entry() const { return entry_; }
  std::uint32_t parent_pid() const { return parent_pid_; }
  std::uint32_t dump_requests() const { return dump_requests_; }

  // Where its profiles go; empty: not to be trusted, because the process gave up the rights with
  // which its segment was made, and may have written anything there.
  const std::string& directory() const { return directory_; }
  void set_directory(const std::string& directory) { directory_ = directory; }

  // Holds the segment against those who tidy, until its last profile is written.
  const std::shared_ptr<SegmentFile>& evidence() const { return evidence_; }
  // False when the last look came to nothing.
  bool is_readable() const { return is_readable_; }
  // It has become another program, which is not traced: what is left is none of this one.
  bool is_another_program() const { return is_another_program_; }
  std::uint64_t made_ns() const { return made_ns_; }

  // What the kernel tells of one that has ended.
  ProcessEnd End() const;

  // Looks at the segment, tells the target that it is watched, and says whether to dump it.
  DumpReason Look(std::uint64_t now_ns);

 private:
  WatchedProcess(const SegmentEntry& entry, int descriptor, const SegmentHeader& header);

  bool HasBecomeAnother(const SegmentHeader& header);
  void ForgetBeforeExec(const SegmentHeader& header);
  void NoteFirstBeat(std::uint64_t now_ns, const SegmentHeader& header);
  void ObserveRequests(const SegmentHeader& header, Observation& seen) const;
  Observation Observe(std::uint64_t now_ns, const SegmentFile& file, const SegmentHeader& header);

  SegmentEntry entry_;
  int descriptor_;
  std::uint32_t parent_pid_;
  std::uint32_t dump_requests_;
  std::string directory_;
  std::uint64_t made_ns_;  // the segment, CLOCK_MONOTONIC
  DumpPlan plan_;
  std::shared_ptr<SegmentFile> evidence_;
  OomKills oom_kills_;
  std::uint64_t first_beat_ns_ = 0;   // in this segment
  std::uint32_t early_requests_ = 0;  // at that time
  std::string executable_;            // empty: not to be known
  bool is_readable_ = true;
  bool is_another_program_ = false;
  std::uint64_t next_in_use_ns_ = 0;
};

// What is left of a process that cannot be watched.
enum class Remains {
  kNone,        // not ours, or its last profile is written
  kBeingMade,   // its process lives and has not finished the segment
  kEvidence,    // its process was killed, and its last profile is to be written
  kRequest,     // its process ended by itself right after a dump was asked for
  kLeftBehind,  // no evidence: its process ended by itself, or died while it made the segment
};
Remains RemainsOf(const SegmentEntry& entry, std::uint64_t key);

}  // namespace limpet
