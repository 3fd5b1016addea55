// Random numbers of one thread: 8 bytes of state, about a nanosecond a draw.
//
//   state += odd constant;  draw = Stir(state)
//
// The state walks all 2^64 values once; Stir scatters them (xor-shift-multiply, every input bit
// flips each output bit with probability 1/2). Seeds are stirred too, so that 1, 2, 3, ... start at
// unrelated places of the cycle: n streams of d draws overlap with probability n^2 d / 2^64.
//
// Runs: target hot path (slow side).  Threads: one generator per thread.  Allocates: never.
#pragma once

#include <cstdint>

namespace limpet {

// Scatters the bits of `word`; a bijection. Constants: the finalizer of splitmix64 in David
// Stafford's variant 13.
constexpr std::uint64_t Stir(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

class Random {
 public:
  // All zero: not seeded.
  constexpr Random() = default;
  explicit constexpr Random(std::uint64_t seed) { Seed(seed); }

  // The lowest bit tells a seeded state from an untouched one.
  constexpr void Seed(std::uint64_t seed) { state_ = Stir(seed + kStride) | 1; }
  constexpr bool IsSeeded() const { return state_ != 0; }

  constexpr std::uint64_t Draw() { return Stir(state_ += kStride); }

  // Uniform on the 2^53 points k / 2^53 of (0, 1]. Never 0: its logarithm is taken.
  constexpr double UnitInterval() { return static_cast<double>((Draw() >> 11) + 1) * 0x1p-53; }

  bool operator==(const Random&) const = default;

 private:
  static constexpr std::uint64_t kStride = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio, odd

  std::uint64_t state_ = 0;
};

}  // namespace limpet
