// Has each verb that looks at segments remove those that dead processes left too long ago.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

namespace limpet {

// `runtime_directory` as in RuntimeDirectories. As many stay as LIMPET_KEEP_DEAD says, here or
// where the newest segment's process was started.
void TidySegments(const std::string& runtime_directory);

}  // namespace limpet
