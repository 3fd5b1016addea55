// What a segment says of one function of the program: its four values, over all stacks through it.
//
// Runs: tests.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "tools/reader/segment_snapshot.h"

namespace limpet {

struct SiteTotals {
  std::int64_t allocated_objects = 0;
  std::int64_t allocated_bytes = 0;
  std::int64_t objects_in_use = 0;
  std::int64_t bytes_in_use = 0;

  bool operator==(const SiteTotals&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const SiteTotals& totals) {
  return out << "allocated " << totals.allocated_objects << " objects, " << totals.allocated_bytes
             << " bytes; in use " << totals.objects_in_use << ", " << totals.bytes_in_use;
}

// Totals of the samples of profile `profile` ("heap", "mmap") whose stack has a function whose name
// holds `function`.
SiteTotals TotalsOf(const SegmentSnapshot& snapshot, const std::string& profile,
                    const std::string& function);

// The value of the counter `name` of the segment.
std::uint64_t CounterOf(const SegmentSnapshot& snapshot, const std::string& name);

}  // namespace limpet
