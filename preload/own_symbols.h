// Our own dynamic symbols, of which some can be taken out of the loader's sight.
//
//   .dynsym[i] = { name, value 0, ... }    ld.so passes a symbol over that has no value
//
// For hooks of functions that the program has not: were they found, the program would think that it
// has. Only for what nobody was bound to yet.
//
// Runs: target startup.  Threads: one.  Allocates: never.
#pragma once

#include <elf.h>

#include <cstdint>

namespace limpet {

class OwnSymbols {
 public:
  OwnSymbols();
  ~OwnSymbols();
  OwnSymbols(const OwnSymbols&) = delete;
  OwnSymbols& operator=(const OwnSymbols&) = delete;

  // Where the table cannot be made writable, all stays as it was.
  void Hide(const char* name);

 private:
  bool Protect(int protection) const;

  Elf64_Sym* symbols_ = nullptr;
  const char* names_ = nullptr;
  std::uint32_t count_ = 0;
  bool is_writable_ = false;
};

}  // namespace limpet
