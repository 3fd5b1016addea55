// Which dumps of a process may go, and in which order:
//
//   interval, growth, highwater, cgroup, unknown    nobody asked for it: first, oldest first
//   signal, demand                                  somebody did: then, oldest first
//   the first, the last, exit, death                never alone, only with the whole folder
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstddef>
#include <vector>

#include "tools/store/process_record.h"

namespace limpet {

bool IsAskedFor(const DumpRecord& dump);
bool IsLastWord(const DumpRecord& dump);  // of a process that ended

// Indexes into `dumps`, which ascend.
std::vector<std::size_t> RemovalOrder(const std::vector<DumpRecord>& dumps);

}  // namespace limpet
