// Runs a program under the preload library, stopped where its segment is to be looked at.
//
//   program: ... work ... Ready() --"ready\n"--> test reads the segment --"\n"--> program goes on
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

class TracedProgram {
 public:
  // `settings` are NAME=VALUE additions to the environment. The runtime directory is a fresh one,
  // removed with this object.
  TracedProgram(const std::vector<std::string>& command, const std::vector<std::string>& settings);
  ~TracedProgram();
  TracedProgram(const TracedProgram&) = delete;
  TracedProgram& operator=(const TracedProgram&) = delete;

  // Waits for the program's next line on stdout; empty at its end.
  std::string ReadLine();
  void WaitUntilReady();
  void Continue();
  // Waits for the end: exit status, or 128 + signal.
  int Finish();

  pid_t pid() const { return pid_; }
  const std::string& runtime_directory() const { return directory_; }
  // Paths of the segments that are there now.
  std::vector<std::string> Segments() const;
  // After its end. A dump that was at work then removes the segment once it is written.
  bool LeavesNoSegment() const;
  // The checked copy of this process's own segment.
  SegmentSnapshot Read() const;

 private:
  pid_t pid_ = 0;
  int to_program_ = -1;
  int from_program_ = -1;
  std::string directory_;
};

}  // namespace limpet
