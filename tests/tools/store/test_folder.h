// Opens what a test has made itself.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <string>

#include "tools/store/open_folder.h"

namespace limpet {

inline OpenFolder Opened(const std::string& path) { return *OpenFolder::Open(path); }

}  // namespace limpet
