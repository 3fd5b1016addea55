// The functions of one compilation unit with what was inlined into them, by address.
//
// One pass finds where the entries are; of the physical functions the addresses are read then, of
// what is inlined into one, when the first address in it is asked for. A profile asks for
// few of a unit's functions. libdw's own dwarf_getscopes makes a pass for every address. Nothing
// here points into libdw, so it stays true when the file is reopened.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tools/symbol/elf_image.h"
#include "tools/symbol/interval_index.h"

namespace limpet {

class FunctionTree {
 public:
  static constexpr std::uint32_t kNone = IntervalIndex::kNone;

  // `unit`, here and below: the unit's top entry.
  FunctionTree(Dwarf_Die unit, const ElfImage& code);

  // The innermost function around `address`, or kNone.
  std::uint32_t Find(std::uint64_t address, Dwarf_Die unit, const ElfImage& code);
  // Of what Find() returned, and of its callers. Which function it was inlined into; kNone: it is a
  // physical one.
  std::uint32_t CallerOf(std::uint32_t function) const {
    return functions_[function].is_inlined ? functions_[function].around : kNone;
  }
  Dwarf_Die EntryOf(std::uint32_t function, const Dwarf_Die& unit) const;
  std::size_t HeldBytes() const {
    return functions_.capacity() * sizeof(Function) + index_.HeldBytes() + inlined_bytes_;
  }

 private:
  struct Function {
    std::uint32_t offset;  // of its entry, from the unit's top entry
    std::uint32_t around;  // the entry around it; once its addresses are read, one that has code
    bool is_inlined;
  };

  void KeepPhysical(Dwarf_Die unit, const ElfImage& code);
  IntervalIndex ReadInlined(std::uint32_t outer, Dwarf_Die unit, const ElfImage& code);

  std::vector<Function> functions_;                            // in the order of the file
  IntervalIndex index_;                                        // of the physical ones
  absl::flat_hash_map<std::uint32_t, IntervalIndex> inlined_;  // into those that were asked for
  std::size_t inlined_bytes_ = 0;
};

}  // namespace limpet
