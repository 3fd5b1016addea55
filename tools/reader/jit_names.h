// Names code that no file holds: what a just-in-time compiler made.
//
// Runs: companion.  Threads: one at a time.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>

namespace limpet {

class JitNames {
 public:
  virtual ~JitNames() = default;

  // Empty: no compiled function is known at `address`.
  virtual std::string NameAt(std::uint64_t address) const = 0;
};

}  // namespace limpet
