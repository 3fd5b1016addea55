// Which compilation unit of a DWARF file an address belongs to.
//
// Made from the ranges each unit's top entry states, not from .debug_aranges, which clang does not
// write and which says nothing about units that lack it. One pass over the top entries; nothing
// below them is read.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "tools/symbol/dwarf_file.h"
#include "tools/symbol/interval_index.h"

namespace limpet {

class UnitTable {
 public:
  // `code` says which addresses are real.
  UnitTable(const DwarfFile& file, const ElfImage& code);

  // The offset of the unit's top entry in .debug_info. It stays true when the file is reopened.
  std::optional<Dwarf_Off> Find(std::uint64_t address) const;

 private:
  std::vector<Dwarf_Off> offsets_;
  IntervalIndex index_;
};

}  // namespace limpet
