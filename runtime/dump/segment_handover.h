// Gives the companion the segment itself, where it cannot open the file: another user's by now, out
// of sight in another root, or removed.
//
//   companion's process, before it is one:   open(path)? --no--> memfd <--copy-- mapped segment
//                                                                  '--> descriptor 3
//
// That process shares our memory until it becomes the companion, so that the target has no
// descriptor at any moment. It already has the rights of the companion-to-be, and looks whether
// they suffice for writing profiles: afterwards nobody could say so where `limpet ps` looks.
//
// Runs: target, dump signal and exit.  Threads: one at a time (StartCompanion); async-signal-safe.
// Allocates: pages of the memfd, as many as the segment has in use (16 MiB at most), until the
// companion ends.
#pragma once

#include <cstdint>

#include "runtime/layout/segment.h"
#include "runtime/sys/detached_process.h"

namespace limpet {

class SegmentHandover {
 public:
  // `arguments` has room for two more, for the case that the segment is handed over.
  explicit SegmentHandover(const char** arguments);
  SegmentHandover(const SegmentHandover&) = delete;
  SegmentHandover& operator=(const SegmentHandover&) = delete;

  const sys::Preparation& preparation() const { return preparation_; }

  // The companion was started. One that got a copy cannot itself mark what it answers.
  void NoteAnswered();
  // It reads the copy, not the file.
  bool is_handed_over() const { return is_handed_over_; }

 private:
  static long Prepare(void* handover);
  long HandOver();

  const char** arguments_;
  SegmentHeader* header_;  // nullptr: nothing to hand over
  sys::Preparation preparation_;
  std::uint32_t requests_ = 0;
  bool is_handed_over_ = false;
};

}  // namespace limpet
