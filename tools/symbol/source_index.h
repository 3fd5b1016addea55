// Names an address by a module's debug information: functions, inlined ones too, with file and
// line.
//
//   address -> UnitTable -> unit -> FunctionTree -> innermost function, its callers
//                                -> line table   -> file:line
//
// Units are read when an address first falls into one, kept in a compact form, and forgotten
// together when they have grown past a bound. So neither time nor memory depends on the size of the
// file.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tools/symbol/dwarf_file.h"
#include "tools/symbol/source_unit.h"
#include "tools/symbol/symbol_table.h"
#include "tools/symbol/symbolizer.h"
#include "tools/symbol/unit_table.h"

namespace limpet {

class SourceIndex {
 public:
  // `code` is the image whose segments count, which may be another one than the file's; `symbols`
  // help where the debug information leaves out a linkage name. Both must outlive the index.
  SourceIndex(std::unique_ptr<DwarfFile> file, const ElfImage& code, const SymbolTable& symbols);

  // Innermost first. Empty: no unit knows the address. A single frame without a name: only its line
  // is known (assembly).
  std::vector<SourceFrame> Resolve(std::uint64_t address);

 private:
  SourceUnit* FindUnit(std::uint64_t address);
  SourceUnit* ReadUnit(Dwarf_Off offset);
  bool MakeRoom();
  void NoteTouched(std::size_t names);

  std::unique_ptr<DwarfFile> file_;
  const ElfImage& code_;
  const SymbolTable& symbols_;
  UnitTable table_;
  absl::flat_hash_map<Dwarf_Off, std::unique_ptr<SourceUnit>> units_;
  std::size_t touched_ = 0;        // since pages were given back, counted in names
  std::size_t held_bytes_ = 0;     // by units_
  std::size_t decoded_units_ = 0;  // by libdw, since it was opened
};

}  // namespace limpet
