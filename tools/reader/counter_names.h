// The counters of a segment by name, in their order.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runtime/layout/counters.h"

namespace limpet {

// What one thread did, to what all did.
void AddWork(const WorkCounters& from, WorkCounters& to);

std::vector<std::pair<std::string, std::uint64_t>> NamedCounters(const SegmentCounters& counters);

}  // namespace limpet
