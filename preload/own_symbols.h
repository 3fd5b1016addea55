// Our own dynamic symbols, of which some can be taken out of the loader's sight.
//
//   .dynsym[i] = { name, value 0, ... }    ld.so passes a symbol over that has no value
//
// For hooks that would only be passed through, and for those of functions that the program has not:
// were they found, it would think that it has. Who was bound to one before stays bound to it.
//
// Runs: target startup.  Threads: one.  Allocates: never.
#pragma once

#include "runtime/sys/dynamic_section.h"

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

  sys::DynamicSection section_;
  bool is_writable_;
};

}  // namespace limpet
