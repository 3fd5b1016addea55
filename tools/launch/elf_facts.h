// What an ELF file says about how it may be traced: its libc, its allocator, its runtime.
//
// Runs: companion.  Threads: any.  Allocates: yes.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace limpet {

struct ElfFacts {
  bool is_native = false;           // 64-bit x86-64, as liblimpet.so is
  std::string machine;              // for people: "32-bit i386"
  std::string interpreter;          // the dynamic linker it asks for; empty: none, it is static
  std::vector<std::string> needed;  // DT_NEEDED, in order
  bool exports_malloc = false;      // defines malloc where other libraries find it first
  bool hides_malloc = false;        // defines malloc for itself alone
  std::string allocator;            // allocator linked in under names of its own, empty: none
  std::string sanitizer;            // "AddressSanitizer", ...; empty: none
  bool is_go = false;
};

// InvalidArgument: not an ELF file. PermissionDenied, NotFound: it cannot be read.
absl::StatusOr<ElfFacts> ReadElfFacts(const std::string& path);

}  // namespace limpet
