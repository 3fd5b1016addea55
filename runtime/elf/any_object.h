// A name in whichever loaded object defines it.
//
// Runs: target cold paths, where waiting for the loader is the lesser evil.  Threads: any; takes
// the loader's lock of its list, which is not the one that is held while constructors run.
// Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

// 0: in none but perhaps that of the address `excluded`.
std::uint64_t FindInAnyObject(const char* name, std::uint64_t excluded);

}  // namespace limpet
