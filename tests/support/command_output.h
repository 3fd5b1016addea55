// Runs a program and keeps what it says.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

struct CommandOutput {
  int exit_code = -1;  // -1: it was killed, or could not be started
  std::string out;
  std::string error;
  std::int64_t peak_resident_bytes = 0;  // or ours at its start, whichever was more
};

// `command[0]` is looked for on the PATH; `environment` is added to ours, as "NAME=value".
CommandOutput RunProgram(const std::vector<std::string>& command,
                         const std::vector<std::string>& environment = {});

bool IsOnPath(const std::string& program);

}  // namespace limpet
