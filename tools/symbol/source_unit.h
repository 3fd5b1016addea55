// One compilation unit: turns an address in it into its function, the inlined ones and their lines.
//
// The line of the innermost function comes from the line table; that of each one outside it from
// the call site which the next inner entry states.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tools/symbol/dwarf_file.h"
#include "tools/symbol/function_name.h"
#include "tools/symbol/function_tree.h"
#include "tools/symbol/line_table.h"
#include "tools/symbol/symbol_table.h"
#include "tools/symbol/symbolizer.h"

namespace limpet {

class SourceUnit {
 public:
  // `top` is the unit's top entry. Of split debug information it is the skeleton; the rest is used
  // if its .dwo file is found, else lines are all that is known.
  SourceUnit(Dwarf_Die top, const ElfImage& code);

  // See SourceIndex::Resolve. `file` is the one `top` came from, perhaps reopened.
  std::vector<SourceFrame> Resolve(std::uint64_t address, const DwarfFile& file,
                                   const ElfImage& code, const SymbolTable& symbols);

  // It grows as addresses are asked for.
  std::size_t HeldBytes() const { return tree_.HeldBytes() + lines_.HeldBytes() + name_bytes_; }

 private:
  const FunctionName& NameOf(std::uint32_t function, const Dwarf_Die& unit,
                             const SymbolTable& symbols);
  // Where an inlined function was called.
  LineTable::Place CallPlace(std::uint32_t function, const Dwarf_Die& unit) const;
  FunctionName ReadName(std::uint32_t function, const Dwarf_Die& unit,
                        const SymbolTable& symbols) const;

  Dwarf_Off offset_;  // of the top entry
  FunctionTree tree_;
  LineTable lines_;
  absl::flat_hash_map<std::uint32_t, FunctionName> names_;
  std::size_t name_bytes_ = 0;
};

}  // namespace limpet
