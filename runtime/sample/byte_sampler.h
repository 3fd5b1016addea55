// Decides which allocations become samples, and what each stands for.
//
// Bytes carry Poisson marks, on average one per sampling interval T. An allocation of s bytes is
// charged c = s + 1 of them (so that empty ones can be seen too) and is a sample if a mark lies in
// its charge:
//
//   P(sample) = 1 - e^(-c/T)        weight = 1 / P        T = 1: every allocation, weight 1
//
// The weight is fixed here, from the interval its gap was drawn with; so readers only add, and T
// may change at any time. Proof: README, "Weights".
//
//   if (sampler.Passes(size)) [[likely]] return next_malloc(size);   // one subtract, one branch
//   SampleWeight weight = sampler.ChargeSlow(size, control);         // kNotSampled, or record it
//
// Runs: target hot path.  Threads: one sampler per thread.  Allocates: never.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "runtime/layout/allocation_slot.h"
#include "runtime/sample/random.h"

namespace limpet {

inline constexpr std::uint64_t kSamplingOff = 0;
inline constexpr std::uint64_t kSampleAll = 1;
inline constexpr std::uint64_t kMaxIntervalBytes = std::uint64_t{1} << 40;

// What the samplers of a process share.
struct SamplingControl {
  // T in force: kSamplingOff, kSampleAll, or a mean of up to kMaxIntervalBytes (more means that).
  // A thread follows a change after its next sample; from off, after a Reseed.
  std::atomic<std::uint64_t> interval_bytes;

  // Each thread takes one at its first allocation. Must start somewhere else in every process, also
  // after a fork, best at a Stir of pid and time.
  std::atomic<std::uint64_t> next_seed;

  std::uint64_t TakeSeed() { return next_seed.fetch_add(1, std::memory_order_relaxed); }
};

struct SampleWeight {
  std::uint64_t fixed;  // units of 2^-kWeightBits; a sample's is at least kWeightOne

  constexpr bool IsSampled() const { return fixed != 0; }
  constexpr bool operator==(const SampleWeight&) const = default;
};
inline constexpr SampleWeight kNotSampled = {0};

// Weight of a sample of `requested_bytes` under a mean interval of 1 .. kMaxIntervalBytes, rounded
// to nearest: relative error below 2^-17.
SampleWeight WeightOf(std::size_t requested_bytes, std::uint64_t interval_bytes);

// All zero: not started; the first allocation goes the slow way, takes a seed and draws a gap.
class ByteSampler {
 public:
  // Charges an allocation; true if no mark lies in it. If false, call ChargeSlow with the same
  // size.
  //
  // A charge that does not pass leaves the countdown as it was: a signal handler that allocates
  // before ChargeSlow, or leaves by longjmp, finds it as small as it should be.
  //
  // Unsigned borrow, not a signed countdown: sizes from 2^63 on are larger than any gap and borrow,
  // and SIZE_MAX, whose charge wraps to 0, changes nothing.
  [[gnu::always_inline]] bool Passes(std::size_t requested_bytes) {
    return PassesCharge(requested_bytes + 1);
  }
  // The same, of a size with its byte added; 0 passes always.
  [[gnu::always_inline]] bool PassesCharge(std::size_t charge_bytes) {
    std::uint64_t left = 0;
    if (__builtin_sub_overflow(bytes_until_mark_, charge_bytes, &left)) return false;
    bytes_until_mark_ = left;
    return true;
  }

  // Completes a charge that did not pass: its weight if it is a sample, and a new gap. A caller
  // that must drop the sample (re-entrance, failed allocation) just does: the next gap owes it
  // nothing.
  [[gnu::cold, gnu::noinline, nodiscard]] SampleWeight ChargeSlow(std::size_t requested_bytes,
                                                                  SamplingControl& control);

  // One that lets 2^63 bytes pass: whether something charged it is seen by comparing.
  static ByteSampler Parked();
  bool operator==(const ByteSampler&) const = default;

  // New stream and, at the next allocation, a new gap; for the child of a fork.
  void Reseed(std::uint64_t seed);

 private:
  bool HasGap() const { return drawn_interval_bytes_ != 0; }
  SampleWeight Charge(std::size_t requested_bytes, SamplingControl& control);
  void Start(SamplingControl& control);
  void DrawGap(std::uint64_t interval_bytes);

  std::uint64_t bytes_until_mark_ = 0;      // bytes that will pass before the next mark's byte
  std::uint64_t drawn_interval_bytes_ = 0;  // T of the gap being counted down; 0: none drawn
  Random random_;
};
static_assert(sizeof(ByteSampler) <= 32 && std::is_trivially_destructible_v<ByteSampler>);
static_assert(std::is_trivially_copyable_v<ByteSampler>);

}  // namespace limpet
