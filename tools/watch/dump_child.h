// One `limpet dump` at work for the watcher: the memory that symbols need is the child's, and goes
// with it.
//
//   asked for by a signal, or the process is dead: usual priority
//   anything else:                                 SCHED_IDLE, so that it only takes what is left
//
// The child offers itself to the OOM killer first (oom_score_adj 1000): the profiler must not cost
// the program its life. The watcher does not: it is to be there when the program was killed.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/reader/segment_file.h"

namespace limpet {

struct DumpJob {
  std::string segment;    // path of a segment, or of a copy
  std::string directory;  // LIMPET_DIR of its process
  std::string reason;
  bool is_urgent = false;
  bool is_raw = false;   // makes a copy of the segment, without symbols
  bool is_last = false;  // its process has ended
  bool is_copy = false;  // `segment` is such a copy, to be removed when its profiles are written
  std::shared_ptr<SegmentFile> evidence;  // held, so that nobody tidies it away meanwhile
};

class DumpChild {
 public:
  static absl::StatusOr<DumpChild> Start(const DumpJob& job);

  DumpChild(DumpChild&& other) noexcept;
  DumpChild& operator=(DumpChild&& other) noexcept;
  ~DumpChild();  // kills what still runs

  // Readable once it has ended.
  int descriptor() const { return descriptor_; }
  // Of one that has ended. True: it wrote what it was asked to.
  bool Collect();
  void Kill() const;
  // It is waited for: at the usual priority from now on.
  void Hurry() const;

 private:
  DumpChild(int pid, int descriptor) : pid_(pid), descriptor_(descriptor) {}

  int pid_;
  int descriptor_;
};

}  // namespace limpet
