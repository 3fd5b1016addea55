// The profiles that a dump left in a directory.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/site_totals.h"

namespace limpet {

// Files of the finished profiles of memory below `directory`, in order of their names.
std::vector<std::string> ListDumps(const std::string& directory);

// Waits, up to 30 s, until there are `count` of them; the list either way.
std::vector<std::string> WaitForDumps(const std::string& directory, std::size_t count);

// What `path`, a heap profile, says of one function.
SiteTotals TotalsOfDump(const std::string& path, const std::string& function);

// The same of each value of the label "pid".
std::map<std::int64_t, SiteTotals> TotalsByPid(const std::string& path,
                                               const std::string& function);

}  // namespace limpet
