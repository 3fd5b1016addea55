// How long threads waited, held against what the program itself measured.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/layout/allocation_slot.h"
#include "tests/support/fake_symbolizer.h"
#include "tests/support/thread_facts.h"
#include "tests/support/traced_program.h"
#include "tools/profile/profile_builder.h"

namespace limpet {
namespace {

struct Waits {
  double duration_ns = 0;
  double count = 0;
  double unsure_ns = 0;  // of the program's figure: as known_waits.cc says
};

std::map<std::string, Waits> ClaimsOf(TracedProgram& program) {
  std::map<std::string, Waits> claims;
  for (std::string line = program.ReadLine(); line != "end"; line = program.ReadLine()) {
    std::string name;
    Waits waits;
    if (!(std::istringstream(line) >> name >> waits.duration_ns >> waits.count >>
          waits.unsure_ns)) {
      ADD_FAILURE() << "line '" << line << "'";
      return claims;
    }
    claims[name].duration_ns += waits.duration_ns;
    claims[name].count += waits.count;
    claims[name].unsure_ns += waits.unsure_ns;
  }
  program.WaitUntilReady();
  return claims;
}

bool IsIn(const SegmentSnapshot& snapshot, std::uint32_t stack, const std::string& function) {
  const std::vector<SourceFrame> frames = FramesOf(snapshot, stack);
  return std::any_of(frames.begin(), frames.end(), [&function](const SourceFrame& frame) {
    return frame.name.find(function) != std::string::npos;
  });
}

// Of stacks through `function`, which may be empty: all.
Waits EventsOf(const SegmentSnapshot& snapshot, EventKind kind, const std::string& function = "") {
  Waits sum;
  for (const EventRecord& event : snapshot.events) {
    if (event.kind != kind || !IsIn(snapshot, event.stack, function)) continue;
    sum.duration_ns += static_cast<double>(event.duration_ns);
    sum.count += static_cast<double>(event.weight) / static_cast<double>(kWeightOne);
  }
  return sum;
}

// Of one run of the program, ended when this ends.
class KnownWaits {
 public:
  KnownWaits(const std::string& turns, const std::string& rate)
      : program_({LIMPET_PROGRAMS "/known_waits", turns}, {"LIMPET_BLOCK_RATE=" + rate}),
        claims_(ClaimsOf(program_)),
        snapshot_(program_.Read()) {}
  ~KnownWaits() {
    program_.Continue();
    EXPECT_EQ(program_.Finish(), 0);
  }

  void ExpectWithin(double share, const std::string& name, WaitReason reason) {
    const Waits claim = claims_[name];
    const double seen_ns = EventsOf(snapshot_, EventOf(reason), "Stopwatch").duration_ns;
    ASSERT_GT(claim.count, 0) << name;
    EXPECT_LT(seen_ns / claim.duration_ns, 1 + share) << name;
    EXPECT_GT(seen_ns / (claim.duration_ns - claim.unsure_ns), 1 - share) << name;
  }
  void ExpectCount(double share, const std::string& name, WaitReason reason) {
    const double count = claims_[name].count;
    EXPECT_NEAR(EventsOf(snapshot_, EventOf(reason), "Stopwatch").count / count, 1, share) << name;
  }
  const SegmentSnapshot& snapshot() const { return snapshot_; }

 private:
  TracedProgram program_;
  std::map<std::string, Waits> claims_;
  SegmentSnapshot snapshot_;
};

TEST(KnownWaits, AreAddedUpWhereEachIsRecorded) {
  KnownWaits waits("5000", "1ns");
  waits.ExpectWithin(0.02, "mutex", WaitReason::kMutex);
  waits.ExpectCount(0.2, "mutex", WaitReason::kMutex);  // who comes late does not wait
  waits.ExpectWithin(0.02, "condition", WaitReason::kCondition);
  waits.ExpectCount(0, "condition", WaitReason::kCondition);
  waits.ExpectWithin(0.05, "sleep", WaitReason::kSleep);  // a tick of 4 ms in 97
}

// Of turns that are half as long as the rate every second is a sample: the sum of 40,000 has a
// standard error of half a percent.
TEST(KnownWaits, AreAddedUpWhereShortOnesAreSampled) {
  KnownWaits waits("20000", "200us");
  waits.ExpectWithin(0.02, "mutex", WaitReason::kMutex);
  waits.ExpectWithin(0.02, "condition", WaitReason::kCondition);
  waits.ExpectCount(0.03, "condition", WaitReason::kCondition);
}

TEST(KnownWaits, AreNotAddedUpWhereNobodyWantsIt) {
  KnownWaits waits("10", "none");
  EXPECT_EQ(EventsOf(waits.snapshot(), EventOf(WaitReason::kMutex)).count, 0);
  EXPECT_EQ(EventsOf(waits.snapshot(), EventOf(WaitReason::kSleep)).count, 0);
}

TEST(KnownWaits, HaveOneThatGoesOn) {
  KnownWaits waits("10", "none");
  FakeSymbolizer nobody;
  ProfileBuilder builder(waits.snapshot(), nobody, nullptr);
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto now_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                      static_cast<std::uint64_t>(now.tv_nsec);
  const Profile block = *builder.Build("block", {.monotonic_ns = now_ns});
  ASSERT_EQ(block.samples.size(), 1U);
  EXPECT_EQ(block.samples[0].values[0], 1);
  EXPECT_GT(block.samples[0].values[1], 400'000'000);
  EXPECT_LT(block.samples[0].values[1], 20'000'000'000);
}

TEST(KnownWaits, CountsThreadsThatWereMade) {
  KnownWaits waits("10", "1ns");
  EXPECT_EQ(EventsOf(waits.snapshot(), EventKind::kThreadCreation).count, 3);
}

}  // namespace
}  // namespace limpet
