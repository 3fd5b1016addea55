// The name under which a file is written before it gets its own, and what killed processes left
// under such names.
//
//   .limpet-4242.tmp        4242: who writes it
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "tools/store/open_folder.h"

namespace limpet {

// Of this process.
std::string TemporaryName();

// Those whose process is gone, and which are an hour old: a process in another PID namespace is
// never seen, but writes for seconds only.
void RemoveDeadTemporaries(const OpenFolder& folder);

}  // namespace limpet
