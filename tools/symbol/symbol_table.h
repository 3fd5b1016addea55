// Which function of the linker's symbol tables an address belongs to.
//
// The union of the tables of several images of one module: .symtab and .dynsym of the module
// itself, .symtab of its separate debug file, the .symtab packed in .gnu_debugdata. A symbol with a
// size ends there; one without reaches to the next symbol, at most to the end of its segment.
//
// Of several names of one address wins, in this order: a sized symbol; global over local over weak
// (in C libraries the weak name is the alias); no version suffix; fewer leading underscores; the
// shorter; the alphabetically first.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/symbol/elf_image.h"
#include "tools/symbol/interval_index.h"

namespace limpet {

struct FunctionSymbol {
  std::string name;  // the linker's, without version
  std::uint64_t address;
};

class SymbolTable {
 public:
  // The images must outlive the table. `images[0]` is the module itself: only its code counts.
  explicit SymbolTable(const std::vector<const ElfImage*>& images);

  std::optional<FunctionSymbol> Find(std::uint64_t address) const;

 private:
  struct Names {
    Elf* elf;
    std::size_t section;
  };
  struct Entry {
    std::uint64_t address;
    std::uint64_t size;
    std::uint32_t name_offset;
    std::uint16_t names;  // index in names_
    std::uint8_t binding_rank;
  };

  void Collect(const ElfImage& code, const ElfImage& image);
  void CollectSection(const ElfImage& code, Elf* elf, Elf_Scn* section);
  void KeepBestNames();
  void BuildIndex(const ElfImage& code);
  bool IsBetter(const Entry& left, const Entry& right) const;
  std::string NameOf(const Entry& entry) const;

  std::vector<Names> names_;
  std::vector<Entry> entries_;  // sorted by address, which are distinct
  IntervalIndex index_;
};

}  // namespace limpet
