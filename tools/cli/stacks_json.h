// Threads for programs. The names are stable; what is not known is left out.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

#include "tools/profile/thread_dump.h"

namespace limpet {

std::string StacksJson(const ThreadDump& dump);

}  // namespace limpet
