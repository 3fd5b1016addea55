// Names that a just-in-time compiler left for profilers in /tmp/perf-PID.map.
//
//   7f3312004000 1c0 LazyCompile:~parse app.js:12        start, bytes (both hexadecimal), name
//
// /tmp is everybody's: only a file of the traced process's own user is believed.
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tools/reader/jit_names.h"

namespace limpet {

class PerfMap : public JitNames {
 public:
  // Empty when there is no such file, or it is not for us.
  static PerfMap Load(std::uint32_t pid, std::uint32_t uid, const std::string& folder = "/tmp");
  static PerfMap Parse(const std::string& text);

  std::string NameAt(std::uint64_t address) const override;

 private:
  struct Code {
    std::uint64_t end;
    std::string name;
  };

  std::map<std::uint64_t, Code> code_;  // by start; a later line replaces an earlier one
};

}  // namespace limpet
