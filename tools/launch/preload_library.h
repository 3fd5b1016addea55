// Where the libraries lie that go into LD_PRELOAD.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace limpet {

// liblimpet.so: `chosen` if not empty (LIMPET_LIBRARY), else the one that belongs to `executable`,
// the path of `limpet` itself, in a build tree or installed.
absl::StatusOr<std::string> FindPreloadLibrary(const std::string& executable,
                                               const std::string& chosen);

// The shared library of an allocator that may run behind liblimpet.so; only "jemalloc" is known.
absl::StatusOr<std::string> FindAllocatorLibrary(const std::string& allocator);

// /proc/self/exe, read.
std::string OwnExecutable();

}  // namespace limpet
