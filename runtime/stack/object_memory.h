// A loaded object's own memory, and nothing else: a damaged table cannot lead elsewhere.
//
// Runs: target hot path (cold side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/stack/loaded_object.h"

namespace limpet {

class ObjectMemory {
 public:
  explicit ObjectMemory(const LoadedObject& object)
      : start_(object.map_start), end_(object.map_end) {}

  bool Holds(std::uint64_t address) const { return address >= start_ && address < end_; }

  template <class T>
  bool Read(std::uint64_t address, T* value) const {
    if (address < start_ || address > end_ || end_ - address < sizeof(T)) return false;
    memcpy(value, reinterpret_cast<const void*>(address), sizeof(T));
    return true;
  }

  // The bytes from `address` on; 0 where it lies outside.
  std::uint64_t BytesBehind(std::uint64_t address) const {
    return Holds(address) ? end_ - address : 0;
  }

 private:
  std::uint64_t start_;
  std::uint64_t end_;
};

}  // namespace limpet
