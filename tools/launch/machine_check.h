// What this machine gives to tracing, beside any one program.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tools/launch/finding.h"

namespace limpet {

struct MachineReport {
  std::vector<std::pair<std::string, std::string>> facts;  // name, value
  Findings findings;
};

// `executable` is the path of `limpet`, `library` the value of LIMPET_LIBRARY.
MachineReport CheckMachine(const std::string& executable, const std::string& library);

}  // namespace limpet
