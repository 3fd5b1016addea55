// The address ranges of a DWARF entry: DW_AT_low_pc and DW_AT_high_pc, or DW_AT_ranges.
//
// Runs: companion.  Threads: one at a time.  Allocates: never.
#pragma once

#include <elfutils/libdw.h>

#include <cstddef>

#include "tools/symbol/elf_image.h"

namespace limpet {

// Calls `visit(begin, end)` for each range that lies in `code`.
template <typename Visit>
void ForEachRange(Dwarf_Die& die, const ElfImage& code, Visit visit) {
  // A list cannot have more entries than the largest section has bytes; a broken one may loop.
  std::size_t left = code.bytes().size();
  Dwarf_Addr base = 0;
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  std::ptrdiff_t offset = 0;
  while (left-- > 0 && (offset = dwarf_ranges(&die, offset, &base, &begin, &end)) > 0) {
    if (begin < end && code.IsCode(begin)) visit(begin, end);
  }
}

}  // namespace limpet
