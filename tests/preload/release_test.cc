// Who made others wait, and who last let them go on.

#include <gtest/gtest.h>

#include <string>

#include "tests/support/thread_facts.h"
#include "tests/support/traced_program.h"

namespace limpet {
namespace {

struct Delay {
  double all_ns = 0;
  double slow_ns = 0;  // of the one that holds it long
};

// Of waits for `reason`, at those who let go.
Delay DelayBy(const SegmentSnapshot& snapshot, WaitReason reason) {
  Delay delay;
  for (const EventRecord& event : snapshot.events) {
    if (event.kind != ReleaseFor(reason)) continue;
    const auto duration_ns = static_cast<double>(event.duration_ns);
    delay.all_ns += duration_ns;
    for (const SourceFrame& frame : FramesOf(snapshot, event.stack)) {
      if (frame.name.find("HoldLong") == std::string::npos) continue;
      delay.slow_ns += duration_ns;
      break;
    }
  }
  return delay;
}

double WaitedNs(const SegmentSnapshot& snapshot, WaitReason reason) {
  double sum_ns = 0;
  for (const EventRecord& event : snapshot.events)
    if (event.kind == EventOf(reason)) sum_ns += static_cast<double>(event.duration_ns);
  return sum_ns;
}

class SlowHolder : public testing::TestWithParam<std::pair<const char*, WaitReason>> {};

TEST_P(SlowHolder, IsChargedWithWhatItsVictimsWaited) {
  const auto [kind, reason] = GetParam();
  TracedProgram program({LIMPET_PROGRAMS "/slow_holder", kind}, {"LIMPET_BLOCK_RATE=1ns"});
  program.WaitUntilReady();
  const SegmentSnapshot snapshot = program.Read();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  const Delay delay = DelayBy(snapshot, reason);
  EXPECT_EQ(delay.all_ns, WaitedNs(snapshot, reason)) << "each wait is charged, whole";
  EXPECT_GT(delay.all_ns, 1e9) << "most of 8 threads' 800 ms";
  // The others' part is how long it takes to wake up: more where other programs run.
  EXPECT_GT(delay.slow_ns, 0.6 * delay.all_ns);
}

INSTANTIATE_TEST_SUITE_P(Releases, SlowHolder,
                         testing::Values(std::pair("mutex", WaitReason::kMutex),
                                         std::pair("read_write", WaitReason::kWriteLock),
                                         std::pair("condition", WaitReason::kMutex)),
                         [](const auto& of) { return std::string(of.param.first); });

}  // namespace
}  // namespace limpet
