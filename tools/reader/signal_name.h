// "SIGUSR1", "RTMIN+3", "signal 77".
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

namespace limpet {

std::string SignalName(int signal);

}  // namespace limpet
