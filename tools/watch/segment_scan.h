// When the runtime directory is to be listed for segments that came, and which there are.
//
//   inotify: one was made --> Ask --pause--> IsDue --> List
//
// A directory in which segments come and go all the time is not listed for each of them.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/reader/segment_directory.h"

namespace limpet {

class SegmentScan {
 public:
  // The first is due at once.
  explicit SegmentScan(std::string directory);
  ~SegmentScan();
  SegmentScan(const SegmentScan&) = delete;
  SegmentScan& operator=(const SegmentScan&) = delete;

  // Readable once a segment was made, and then to be taken note of; -1: there is no inotify.
  int descriptor() const { return changes_; }
  void NoteChanges();

  void Ask() { is_asked_ = true; }
  // Where nobody says that one was made, or not all of them, none is missed for long.
  void AskIfLate(std::uint64_t now_ns);

  bool IsAsked() const { return is_asked_; }
  bool IsDue(std::uint64_t now_ns) const { return is_asked_ && now_ns >= next_ns_; }
  // When it is due, if it is asked for.
  std::uint64_t next_ns() const { return next_ns_; }

  std::vector<SegmentEntry> List(std::uint64_t now_ns);

 private:
  std::string directory_;
  int changes_;
  std::uint64_t next_ns_ = 0;
  bool is_asked_ = true;
};

}  // namespace limpet
