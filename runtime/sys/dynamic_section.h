// What an object's dynamic section says of its symbols: where they are, and whether it defines a
// name. The loader is not asked, because it may not be done yet, and does not show all objects.
//
// Runs: target startup.  Threads: any.  Allocates: never.
#pragma once

#include <elf.h>

#include <cstdint>

namespace limpet::sys {

struct DynamicSection {
  // Of an object that the loader has. glibc relocates the entries in place; a loader that does not
  // leaves offsets. A bias below zero is glibc's, of an object that lies lower than it was linked
  // for.
  static DynamicSection OfLoaded(const Elf64_Dyn* entries, std::uint64_t load_bias);
  // Of one that nobody relocated.
  static DynamicSection OfLinked(const Elf64_Dyn* entries, std::uint64_t load_bias);

  // Not strcmp: while the loader is at work that may be a function of the program, which is not
  // relocated yet.
  bool IsNamed(std::uint32_t symbol, const char* name) const;

  // Of the System V table: buckets, symbols, ... 0 where an object has the other table only.
  std::uint32_t SymbolCount() const { return hash != nullptr ? hash[1] : 0; }

  // The symbol that the object defines by that name; nullptr: none.
  const Elf64_Sym* Find(const char* name) const;

  Elf64_Sym* symbols = nullptr;
  const char* names = nullptr;
  const std::uint32_t* hash = nullptr;
  const std::uint32_t* gnu_hash = nullptr;

 private:
  void Take(std::int64_t tag, std::uint64_t address);
  bool Defines(std::uint32_t symbol, const char* name) const;
  const Elf64_Sym* FindByGnuHash(const char* name) const;
};

}  // namespace limpet::sys
