// Whether a program can be traced by preloading, judged from its files before it runs.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tools/launch/finding.h"

namespace limpet {

struct ProgramReport {
  std::string file;     // what the command names
  std::string program;  // the ELF program that runs it: `file`, or a script's interpreter
  Findings findings;    // empty: fully traced
};

// NotFound and PermissionDenied as FindCommand.
absl::StatusOr<ProgramReport> CheckCommand(const std::string& command,
                                           const std::string& search_path);

// Judges one ELF file. `shown` names it in messages: /proc/PID/exe is no name for people.
Findings CheckElfFile(const std::string& path, const std::string& shown);

}  // namespace limpet
