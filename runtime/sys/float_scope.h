// Standard floating-point surroundings for a scope: round to nearest, nothing traps; afterwards the
// program's own are back, its sticky flags included.
//
// A program may round upwards (interval arithmetic), flush subnormals, or trap on inexact; its
// malloc must neither die of our arithmetic nor leave a flag behind that the program reads.
//
// The compiler does not know that arithmetic depends on this register: do the arithmetic in a
// function that is not inlined into the scope.
//
// Runs: target hot path (slow side).  Threads: own thread; async-signal-safe.  Allocates: never.
#pragma once

#include <xmmintrin.h>

namespace limpet {

class FloatScope {
 public:
  FloatScope() : saved_(_mm_getcsr()) { _mm_setcsr(kDefaultControl); }
  ~FloatScope() { _mm_setcsr(saved_); }
  FloatScope(const FloatScope&) = delete;
  FloatScope& operator=(const FloatScope&) = delete;

 private:
  static constexpr unsigned kDefaultControl = 0x1f80;  // all exceptions masked, nearest, x86-64 ABI

  unsigned saved_;
};

}  // namespace limpet
