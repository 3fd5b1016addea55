// Runs a program of the soak under the library, in a process group and a runtime directory of its
// own, and keeps its log.
//
//   <place>/run/<pid>-<start>.segment     <place>/log
//
// Runs: judges of the soak, which must be subreapers.  Threads: one.  Allocates: yes.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/soak/call_log.h"
#include "tools/reader/segment_directory.h"

namespace limpet {

class LoggedProgram {
 public:
  // `place` is made, and removed with this object.
  explicit LoggedProgram(std::string place);
  ~LoggedProgram();
  LoggedProgram(const LoggedProgram&) = delete;
  LoggedProgram& operator=(const LoggedProgram&) = delete;

  // Does not wait for the exec.
  void Start(const std::vector<std::string>& command, const std::string& library,
             std::uint64_t sample_bytes);
  // Ends it and all its children, and waits until they are gone.
  void Kill();
  // The status of waitpid.
  int Wait();

  pid_t pid() const { return pid_; }
  CallLog& log() { return *log_; }
  // The program's first sample came to making a segment.
  bool HasRuntimeDirectory() const { return access((place_ + "/run").c_str(), F_OK) == 0; }
  // All that there are, by PID.
  std::vector<SegmentEntry> Segments() const;
  std::optional<SegmentEntry> SegmentOf(std::uint32_t pid) const;
  // Copies all there is to `folder`.
  void Keep(const std::string& folder) const;

 private:
  std::string place_;
  CallLog* log_ = nullptr;
  pid_t pid_ = 0;
};

}  // namespace limpet
