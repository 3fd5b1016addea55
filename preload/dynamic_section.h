// Where an object's dynamic section says that its symbols are.
//
// Runs: target startup.  Threads: any.  Allocates: never.
#pragma once

#include <elf.h>

#include <cstdint>

namespace limpet {

struct DynamicSection {
  // glibc relocates the entries in place; a loader that does not, and the vDSO, leave offsets. A
  // bias below zero is glibc's, of an object that lies lower than it was linked for.
  DynamicSection(const Elf64_Dyn* entries, std::uint64_t load_bias) {
    for (const Elf64_Dyn* entry = entries; entry->d_tag != DT_NULL; ++entry) {
      std::uint64_t address = entry->d_un.d_ptr;
      bool is_offset = address < load_bias && load_bias >> 63 == 0;
      if (is_offset) address += load_bias;
      if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<Elf64_Sym*>(address);
      if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(address);
      if (entry->d_tag == DT_HASH) hash = reinterpret_cast<const std::uint32_t*>(address);
      if (entry->d_tag == DT_GNU_HASH) gnu_hash = reinterpret_cast<const std::uint32_t*>(address);
    }
  }

  // Not strcmp: while the loader is at work that may be a function of the program, which is not
  // relocated yet.
  bool IsNamed(std::uint32_t symbol, const char* name) const {
    const char* own = names + symbols[symbol].st_name;
    while (*own == *name && *own != '\0') ++own, ++name;
    return *own == *name;
  }

  // Of the System V table: buckets, symbols, ... 0 where an object has the other table only.
  std::uint32_t SymbolCount() const { return hash != nullptr ? hash[1] : 0; }

  Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  const std::uint32_t* hash = nullptr;
  const std::uint32_t* gnu_hash = nullptr;
};

}  // namespace limpet
