// The functions of one compilation unit with what was inlined into them, by address.
//
// Made in one pass over the unit; libdw's own dwarf_getscopes makes that pass for every address,
// 0.6 ms each. Nothing here points into libdw, so it stays true when the file is reopened.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include "tools/symbol/elf_image.h"
#include "tools/symbol/interval_index.h"

namespace limpet {

class FunctionTree {
 public:
  static constexpr std::uint32_t kNone = IntervalIndex::kNone;

  struct Function {
    std::uint32_t offset;     // of its entry, from the unit's top entry
    std::uint32_t caller;     // which function it was inlined into, kNone: it is a physical one
    std::uint32_t call_file;  // if inlined: where, a number in the unit's list of files
    std::uint32_t call_line;
  };

  FunctionTree(Dwarf_Die unit, const ElfImage& code);

  // The innermost function around `address`, or kNone.
  std::uint32_t Find(std::uint64_t address) const { return index_.Find(address); }
  const Function& operator[](std::uint32_t function) const { return functions_[function]; }
  std::size_t HeldBytes() const {
    return functions_.size() * sizeof(Function) + index_.HeldBytes();
  }

 private:
  class Builder;

  std::vector<Function> functions_;
  IntervalIndex index_;
};

}  // namespace limpet
