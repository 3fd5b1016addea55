// What readers get by adding weights: estimates of objects and bytes, against the truth and against
// the variance that README, "Weights" states.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ostream>

#include "runtime/sample/byte_sampler.h"
#include "tests/runtime/sample/charging.h"
#include "tests/runtime/sample/statistics.h"

namespace limpet {
namespace {

constexpr double kWeightRounding = 0x1p-17;  // relative, README "Weights"
constexpr double kOutsideShare = 0.001;
constexpr double kOutsideZ = 3.2905267;  // 99.9 % of a normal lie within

// One quantity of one run: its truth, its estimate, and the variance of the estimate.
struct Estimate {
  double truth = 0;
  double estimated = 0;
  double variance = 0;

  void AddSample(double value, SampleWeight weight) { estimated += value * test::Objects(weight); }

  void AddTruth(double value, double count, double probability) {
    truth += value * count;
    variance += value * value * count * (1 - probability) / probability;
  }
};

// A program's run under one sampler. Follows, as an onlooker, with which interval each gap was
// drawn.
class TracedRun {
 public:
  TracedRun(std::uint64_t seed, std::uint64_t interval_bytes)
      : control_{interval_bytes, seed}, drawn_interval_bytes_(interval_bytes) {}

  void SetInterval(std::uint64_t interval_bytes) { control_.interval_bytes = interval_bytes; }

  void Allocate(std::size_t size) {
    AddTruth(size, 1);
    Record(size);
  }

  // The same for many of one size under one interval, fast enough for millions.
  void AllocateMany(std::size_t size, std::int64_t count) {
    AddTruth(size, static_cast<double>(count));
    for (std::int64_t i = 0; i < count; ++i) Record(size);
  }

  Estimate objects;
  Estimate bytes;

 private:
  void AddTruth(std::size_t size, double count) {
    const double probability = test::SampleProbability(size, drawn_interval_bytes_);
    objects.AddTruth(1, count, probability);
    bytes.AddTruth(static_cast<double>(size), count, probability);
  }

  void Record(std::size_t size) {
    const SampleWeight weight = test::Charge(sampler_, control_, size);
    if (!weight.IsSampled()) [[likely]] {
      return;
    }
    objects.AddSample(1, weight);
    bytes.AddSample(static_cast<double>(size), weight);
    drawn_interval_bytes_ = control_.interval_bytes;
  }

  SamplingControl control_;
  ByteSampler sampler_;
  std::uint64_t drawn_interval_bytes_;
};

// Many runs of one program, one seed each.
class Verdict {
 public:
  void Add(const Estimate& run) {
    total_.truth += run.truth;
    total_.estimated += run.estimated;
    total_.variance += run.variance;
    ++runs_;
    if (run.variance == 0) return;
    const double z = test::ZScore(run.estimated, run.truth, run.variance);
    squares_ += z * z;
    outside_ += std::fabs(z) > kOutsideZ ? 1 : 0;
  }

  void Expect(const char* quantity) const {
    ExpectUnbiased(quantity);
    ExpectStatedVariance(quantity);
    EXPECT_GT(test::BinomialUpperTail(outside_, runs_, kOutsideShare), test::kMinProbability)
        << quantity << ": " << outside_ << " of " << runs_ << " runs outside";
  }

 private:
  // False failures 6.3e-5.
  void ExpectUnbiased(const char* quantity) const {
    const double allowed =
        test::kMaxZ * std::sqrt(total_.variance) + kWeightRounding * total_.truth;
    EXPECT_LE(std::fabs(total_.estimated - total_.truth), allowed)
        << quantity << ": " << total_.estimated << " for " << total_.truth;
  }

  // z^2 has mean 1 and, for a count of at least 50, variance below 2.1.
  void ExpectStatedVariance(const char* quantity) const {
    if (total_.variance == 0) return;
    EXPECT_LT(std::fabs(test::ZScore(squares_, runs_, 2.1 * runs_)), test::kStrictMaxZ) << quantity;
  }

  Estimate total_;
  double squares_ = 0;
  int outside_ = 0;
  int runs_ = 0;
};

template <typename Program>
void ExpectEstimates(int runs, std::uint64_t interval_bytes, Program program) {
  Verdict objects;
  Verdict bytes;
  for (int seed = 1; seed <= runs; ++seed) {
    TracedRun run(static_cast<std::uint64_t>(seed), interval_bytes);
    program(run);
    objects.Add(run.objects);
    bytes.Add(run.bytes);
  }
  objects.Expect("objects");
  bytes.Expect("bytes");
}

struct Uniform {
  std::size_t bytes;
  std::uint64_t interval_bytes;

  friend std::ostream& operator<<(std::ostream& out, const Uniform& uniform) {
    return out << uniform.bytes << " B, T = " << uniform.interval_bytes;
  }
};

class AllocationsOfOneSize : public ::testing::TestWithParam<Uniform> {};

// So many that both samples and misses are expected 50 times a run: the normal law then holds. Runs
// as many as time allows.
TEST_P(AllocationsOfOneSize, AreEstimatedWithoutBias) {
  const auto [bytes, interval_bytes] = GetParam();
  const double sampled = test::SampleProbability(bytes, interval_bytes);
  const double missed = 1 - sampled;
  const double wanted = missed < 1e-6 ? 50 : 50 / std::min(sampled, missed);
  const auto count = static_cast<std::int64_t>(wanted);
  const double cost = wanted * (1 + 30 * sampled);  // a sample takes as long as 30 allocations
  const int runs = static_cast<int>(std::clamp(3e8 / cost, 20.0, 1000.0));
  ExpectEstimates(runs, interval_bytes,
                  [size = bytes, count](TracedRun& run) { run.AllocateMany(size, count); });
}

INSTANTIATE_TEST_SUITE_P(FineInterval, AllocationsOfOneSize,
                         ::testing::Values(Uniform{1, 4096}, Uniform{16, 4096}, Uniform{100, 4096},
                                           Uniform{4096, 4096}, Uniform{20'000, 4096},
                                           Uniform{1 << 20, 4096}, Uniform{64 << 20, 4096}));
INSTANTIATE_TEST_SUITE_P(DefaultInterval, AllocationsOfOneSize,
                         ::testing::Values(Uniform{1, 512 << 10}, Uniform{16, 512 << 10},
                                           Uniform{1000, 512 << 10}, Uniform{64 << 10, 512 << 10},
                                           Uniform{512 << 10, 512 << 10},
                                           Uniform{3 << 20, 512 << 10},
                                           Uniform{64 << 20, 512 << 10}));

// Unbiasing a sum by its average size goes wrong here by orders of magnitude.
TEST(MixedSizes, AreEstimatedWithoutBias) {
  ExpectEstimates(20, 512 << 10, [](TracedRun& run) {
    run.AllocateMany(16, 32 << 20);
    run.AllocateMany(32'000'000, 16);
  });
}

TEST(MixedSizes, MayAlternate) {
  ExpectEstimates(200, 4096, [](TracedRun& run) {
    for (int i = 0; i < 20'000; ++i) run.Allocate(std::size_t{1} << (i % 16));
  });
}

struct Change {
  std::uint64_t before_bytes;
  std::uint64_t after_bytes;
};

class ChangedInterval : public ::testing::TestWithParam<Change> {};

TEST_P(ChangedInterval, InTheMiddleKeepsEstimatesUnbiased) {
  const auto [before_bytes, after_bytes] = GetParam();
  ExpectEstimates(100, before_bytes, [after = after_bytes](TracedRun& run) {
    for (int i = 0; i < 40'000; ++i) run.Allocate(1000);
    run.SetInterval(after);
    for (int i = 0; i < 40'000; ++i) run.Allocate(1000);
  });
}

// The weight must be that of the interval the gap was drawn with. Each interval has sizes of its
// own here: with the interval in force instead, errors would cancel in the sum over both, and only
// there.
TEST_P(ChangedInterval, AgainAndAgainKeepsEstimatesUnbiased) {
  const auto [before_bytes, after_bytes] = GetParam();
  ExpectEstimates(100, before_bytes, [before = before_bytes, after = after_bytes](TracedRun& run) {
    for (int round = 0; round < 1000; ++round) {
      run.SetInterval(before);
      for (int i = 0; i < 80; ++i) run.Allocate(20);
      run.SetInterval(after);
      for (int i = 0; i < 3; ++i) run.Allocate(3000);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Intervals, ChangedInterval,
                         ::testing::Values(Change{4096, 512 << 10}, Change{512 << 10, 4096},
                                           Change{kSampleAll, 4096}, Change{4096, kSampleAll},
                                           Change{512 << 10, 64 << 10}));

// A dropped sample (re-entrance) loses its own weight and nothing else.
TEST(DroppedSamples, DoNotSkewTheOthers) {
  constexpr int kPairs = 400'000;
  constexpr std::size_t kOuterBytes = 500;
  constexpr std::size_t kInnerBytes = 300;
  SamplingControl control = {4096, 1};
  ByteSampler sampler;
  double objects = 0;
  for (int i = 0; i < kPairs; ++i) {
    objects += test::Objects(test::Charge(sampler, control, kOuterBytes));
    test::Charge(sampler, control, kInnerBytes);
  }
  const double probability = test::SampleProbability(kOuterBytes, 4096);
  const double variance = kPairs * (1 - probability) / probability;
  EXPECT_LT(std::fabs(test::ZScore(objects, kPairs, variance)), test::kMaxZ);
}

}  // namespace
}  // namespace limpet
