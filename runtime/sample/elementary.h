// Natural logarithm and e^x - 1, so that the traced process needs no libm.
//
//   |result / truth - 1| <= kElementaryError     rounding to nearest; README, "Elementary
//   functions"
//
// libm is right to half a unit in the last place, 1.1e-16; nobody sees the rest in a sample.
//
// Runs: target hot path (slow side).  Threads: any; async-signal-safe.  Allocates: never.
#pragma once

namespace limpet {

inline constexpr double kElementaryError = 4e-16;

// ln x for finite x > 0, subnormal ones included.
double NaturalLog(double x);

// e^x - 1 for x up to 709 (beyond it would overflow); -infinity is allowed.
double ExpMinusOne(double x);

}  // namespace limpet
