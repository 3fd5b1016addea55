// Names an address of a module: function, file and line, with the functions inlined there.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace limpet {

// A module as a profile knows it. `path` is where the process found it; the file there may be
// another one by now, which `build_id` tells, or else that it was changed since `known_unix_ns`.
struct ModuleFile {
  std::string path;
  std::string build_id;             // hex, empty: none
  std::uint64_t known_unix_ns = 0;  // 0: not known
};

// One function at an address. `name` is for people (demangled), `system_name` is the linker's.
struct SourceFrame {
  std::string name;
  std::string system_name;
  std::string file;  // empty: unknown
  int line = 0;      // 0: unknown
  int start_line = 0;
  // File address where the physical function begins (its inlined ones too say that), 0: unknown.
  std::uint64_t entry = 0;
};

class Symbolizer {
 public:
  virtual ~Symbolizer() = default;

  // Names `file_address` (an address in the ELF file's own numbering: memory address less load
  // bias; for a return address the caller subtracts 1 first). Innermost inlined function first, the
  // physical function last. Empty: the module has no symbol there, or cannot be read.
  virtual std::vector<SourceFrame> Resolve(const ModuleFile& module,
                                           std::uint64_t file_address) = 0;

  // Gives back what it keeps to answer fast. It may be asked again.
  virtual void Forget() {}
};

}  // namespace limpet
