// What a profile says of its own error, against programs of known truth that the real sampler
// watched. Seeds are fixed: a test passes always or never.

#include "tools/profile/confidence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <vector>

#include "runtime/layout/allocation_slot.h"
#include "runtime/sample/byte_sampler.h"

namespace limpet {
namespace {

constexpr std::uint64_t kInterval = 64 << 10;
constexpr int kRuns = 1000;

struct Blocks {
  std::size_t bytes;
  int count;
};

// A program that allocates blocks and frees none. Each size has a stack, or all have one.
class SampledRun {
 public:
  explicit SampledRun(std::uint64_t seed) {
    snapshot_.sample_interval_bytes = kInterval;
    sampler_.Reseed(seed);
  }

  void Allocate(std::uint32_t stack, const Blocks& blocks) {
    SiteRecord& site = SiteOf(stack);
    for (int i = 0; i < blocks.count; ++i) {
      if (sampler_.Passes(blocks.bytes)) continue;
      const SampleWeight weight = sampler_.ChargeSlow(blocks.bytes, control_);
      if (weight.IsSampled()) Record(site, blocks.bytes, weight.fixed);
    }
  }

  Estimate Total() const { return EstimateTotal(snapshot_, EstimateKind::kHeap); }

 private:
  SiteRecord& SiteOf(std::uint32_t stack) {
    if (snapshot_.sites.empty() || snapshot_.sites.back().stack != stack) {
      snapshot_.sites.push_back({.stack = stack});
    }
    return snapshot_.sites.back();
  }

  void Record(SiteRecord& site, std::size_t bytes, std::uint64_t weight) {
    site.allocated_objects_weight += weight;
    site.allocated_bytes += WeightedBytes(bytes, weight);
    ++site.samples;
    snapshot_.allocations.push_back(
        {.requested_bytes = bytes, .weight = weight, .stack = site.stack});
  }

  SamplingControl control_ = {kInterval, 1};
  ByteSampler sampler_;
  SegmentSnapshot snapshot_;
};

// Of many runs: how often the interval held the truth, and the stated errors over the real ones.
class Verdict {
 public:
  void Add(const SampledTotal& total, double true_bytes, double true_objects) {
    const ByteRange range = LikelyBytes(total, kInterval);
    held_ += range.low <= true_bytes && true_bytes <= range.high ? 1 : 0;
    bytes_.Add(static_cast<double>(total.bytes) - true_bytes, total.bytes_variance);
    const double objects = static_cast<double>(total.weight) / static_cast<double>(kWeightOne);
    objects_.Add(objects - true_objects, total.objects_variance);
  }

  double Coverage() const { return static_cast<double>(held_) / kRuns; }
  double BytesRatio() const { return bytes_.Ratio(); }
  double ObjectsRatio() const { return objects_.Ratio(); }

 private:
  struct Squares {
    double real = 0;
    double stated = 0;

    void Add(double error, double variance) {
      real += error * error;
      stated += variance;
    }
    double Ratio() const { return std::sqrt(stated / real); }
  };

  int held_ = 0;
  Squares bytes_;
  Squares objects_;
};

struct Program {
  const char* name;
  std::vector<double> sizes;  // in intervals
  double intervals;           // bytes of each size, in intervals
};

void PrintTo(const Program& program, std::ostream* out) { *out << program.name; }

class Confidence : public ::testing::TestWithParam<Program> {
 protected:
  static std::vector<Blocks> BlocksOf(const Program& program) {
    std::vector<Blocks> list;
    for (const double size : program.sizes) {
      const auto count = static_cast<int>(std::lround(program.intervals / size));
      list.push_back({static_cast<std::size_t>(size * kInterval), count});
    }
    return list;
  }

  void Simulate(bool has_one_stack) {
    const std::vector<Blocks> list = BlocksOf(GetParam());
    double bytes = 0, objects = 0;
    for (const Blocks& blocks : list) {
      bytes += static_cast<double>(blocks.bytes) * blocks.count;
      objects += blocks.count;
    }
    for (int run = 0; run < kRuns; ++run) {
      SampledRun sampled(static_cast<std::uint64_t>(run));
      std::uint32_t stack = 1;
      for (const Blocks& blocks : list) sampled.Allocate(has_one_stack ? 1 : stack++, blocks);
      in_use_.Add(sampled.Total().in_use, bytes, objects);
      allocated_.Add(sampled.Total().allocated, bytes, objects);
    }
  }

  Verdict in_use_;
  Verdict allocated_;
};

// 920 to 980 of 1000 runs: 4.3 standard errors of 950.
TEST_P(Confidence, HoldsTheTruthInNineteenOfTwentyRuns) {
  Simulate(/*has_one_stack=*/false);
  for (const Verdict& verdict : {in_use_, allocated_}) {
    EXPECT_GE(verdict.Coverage(), 0.92);
    EXPECT_LE(verdict.Coverage(), 0.98);
  }
}

// The root of a sum of 1000 squares is known to 2.3 %.
TEST_P(Confidence, StatesTheErrorThatThereIs) {
  Simulate(/*has_one_stack=*/false);
  for (const Verdict& verdict : {in_use_, allocated_}) {
    EXPECT_NEAR(verdict.BytesRatio(), 1, 0.1);
    EXPECT_NEAR(verdict.ObjectsRatio(), 1, 0.1);
  }
}

// Bytes of a stack with sums only err to the safe side, but by little.
TEST_P(Confidence, IsNeverTooSureOfBytesOfBlocksOfManySizes) {
  Simulate(/*has_one_stack=*/true);
  EXPECT_GE(allocated_.Coverage(), 0.92);
  EXPECT_GE(allocated_.BytesRatio(), 0.95);
  EXPECT_LE(allocated_.BytesRatio(), 1.15);
  EXPECT_LE(allocated_.ObjectsRatio(), 1.1) << "at least, it says";
}

INSTANTIATE_TEST_SUITE_P(
    Programs, Confidence,
    ::testing::Values(Program{"tiny", {0.01}, 400}, Program{"tiny_few", {0.01}, 20},
                      Program{"tiny_fewest", {0.01}, 3}, Program{"small", {0.3}, 400},
                      Program{"small_few", {0.3}, 20}, Program{"middle", {1}, 400},
                      Program{"middle_few", {1}, 20}, Program{"large", {4}, 4000},
                      Program{"large_few", {4}, 1000}, Program{"mixed", {0.01, 0.3, 1, 4}, 100},
                      Program{"mixed_few", {0.01, 0.3, 1, 4}, 10},
                      Program{"mixed_fewest", {0.01, 0.3, 1}, 2},
                      Program{"tiny_and_large", {0.01, 4}, 8}),
    [](const auto& chosen) { return std::string(chosen.param.name); });

// 3 T of blocks of any size stay unseen in 1 run of 20, less in fewer.
TEST(NothingSampled, BoundsWhatMayBeUnseen) {
  EXPECT_EQ(LikelyBytes({}, kInterval).low, 0);
  const double most = LikelyBytes({}, kInterval).high;
  int unseen = 0;
  for (int run = 0; run < kRuns; ++run) {
    SampledRun sampled(static_cast<std::uint64_t>(run));
    sampled.Allocate(1, {655, static_cast<int>(most / 655)});
    unseen += sampled.Total().in_use.samples == 0 ? 1 : 0;
  }
  EXPECT_GE(unseen, 25);
  EXPECT_LE(unseen, 80);
}

TEST(ConfidenceWords, RoundToWhatIsKnown) {
  EXPECT_EQ(ErrorWords(0.1744, kInterval), "\u00b1 17 %");
  EXPECT_EQ(ErrorWords(0.0996, kInterval), "\u00b1 10 %");
  EXPECT_EQ(ErrorWords(0.0123, kInterval), "\u00b1 1.2 %");
  EXPECT_EQ(ErrorWords(0.0004, kInterval), "\u00b1 under 0.1 %");
  EXPECT_EQ(ErrorWords(0, kInterval), "\u00b1 under 0.1 %") << "a sample is never quite exact";
  EXPECT_EQ(ErrorWords(0, 1), "exact");
}

Estimate OneBlock(std::uint64_t bytes, std::uint64_t weight, std::uint64_t interval) {
  SegmentSnapshot snapshot;
  snapshot.sample_interval_bytes = interval;
  snapshot.sites = {{.stack = 1,
                     .allocated_objects_weight = weight,
                     .allocated_bytes = WeightedBytes(bytes, weight),
                     .samples = 1}};
  snapshot.allocations = {{.requested_bytes = bytes, .weight = weight, .stack = 1}};
  return EstimateTotal(snapshot, EstimateKind::kHeap);
}

TEST(ConfidenceLines, TellTotalErrorRangeAndSamples) {
  const Estimate total = OneBlock(1023, 64 * kWeightOne, kInterval);
  EXPECT_EQ(InUseLine(total, kInterval),
            "in use: 63.9 KiB \u00b1 99 % (95 %: 11.4 KiB to 361.7 KiB), 64 objects \u00b1 99 %; "
            "1 sample");
  EXPECT_NE(AllocatedLine(total, kInterval).find("objects \u00b1 99 % or more; 1 sample"),
            std::string::npos);
}

TEST(ConfidenceLines, SayThatEverythingWasRecorded) {
  EXPECT_EQ(InUseLine(OneBlock(1024, kWeightOne, 1), 1), "in use: 1.0 KiB, 1 object; exact");
}

TEST(ConfidenceLines, BoundATotalWithoutASample) {
  EXPECT_EQ(InUseLine({}, 512 << 10), "in use: no sample, so at most 1.5 MiB (95 %)");
}

// What no target writes must not become infinite, negative or undefined.
TEST(ConfidenceLines, SurviveForgedNumbers) {
  for (const std::uint64_t weight : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
    const Estimate total = OneBlock(UINT64_MAX, weight, UINT64_MAX);
    for (const std::string& line :
         {InUseLine(total, UINT64_MAX), AllocatedLine(total, UINT64_MAX)}) {
      EXPECT_EQ(line.find("nan"), std::string::npos) << line;
      EXPECT_EQ(line.find("inf"), std::string::npos) << line;
    }
  }
}

}  // namespace
}  // namespace limpet
