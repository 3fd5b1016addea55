// Addresses [start, end).
//
// Runs: target hot path (slow side, only with LIMPET_MMAP).  Threads: plain data.  Allocates:
// never.
#pragma once

#include <cstdint>

namespace limpet {

struct AddressRange {
  std::uint64_t start;
  std::uint64_t end;

  bool IsEmpty() const { return start >= end; }
  bool Overlaps(const AddressRange& other) const { return start < other.end && other.start < end; }
};

}  // namespace limpet
