// Other libraries wrap what we wrap, before us or behind us, and all start before main().

#include <sys/resource.h>

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kOurs[] = LIMPET_TEST_LIBRARY;
constexpr char kWrapper[] = LIMPET_PROGRAMS "/libwrapping_preload.so";

SegmentSnapshot RunUnder(const std::string& preload, const std::string& program_name,
                         const std::string& setting = kExact) {
  TracedProgram program(
      {"/usr/bin/env", "LD_PRELOAD=" + preload, LIMPET_PROGRAMS "/" + program_name},
      {kExact, setting});
  if (program.ReadLine() != "ready") return ADD_FAILURE() << preload, SegmentSnapshot();
  SegmentSnapshot snapshot = program.Read();
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0) << preload;
  return snapshot;
}

std::string Joined(const std::string& first, const std::string& second) {
  return first + ":" + second;
}

class Preloads : public testing::TestWithParam<std::string> {
 protected:
  // A function that takes itself for the next one never comes back, and no alarm is set before
  // main().
  static void SetUpTestSuite() {
    const rlimit limit = {kMostSeconds, RLIM_INFINITY};
    setrlimit(RLIMIT_CPU, &limit);
  }
  static constexpr rlim_t kMostSeconds = 20;
};

TEST_P(Preloads, CountEachBlockOnce) {
  SegmentSnapshot snapshot = RunUnder(GetParam(), "allocators");
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByMalloc"), (SiteTotals{200, 20'000, 100, 10'000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByRealloc"), (SiteTotals{10, 5500, 1, 1000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByCalloc"), (SiteTotals{1, 490, 1, 490}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNew"), (SiteTotals{200, 12'000, 100, 6000}));
}

// Their addresses are the program's, for every library: who takes them for libc's calls itself.
TEST_P(Preloads, MayLookUpAFunctionWhoseAddressTheProgramHas) {
  SegmentSnapshot snapshot = RunUnder(GetParam(), "fixed_address");
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByAddress"), (SiteTotals{20, 1000, 5, 250}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByName"), (SiteTotals{20, 1000, 5, 250}));
}

TEST_P(Preloads, SeeWhatConstructorsAndTheirThreadsAllocate) {
  for (const char* setting : {"LD_BIND_NOW=1", "LD_BIND_NOW="}) {
    SegmentSnapshot snapshot = RunUnder(GetParam(), "early_threads", setting);
    EXPECT_EQ(TotalsOf(snapshot, "heap", "EarlyAllocates"), (SiteTotals{500, 32'000, 200, 12'800}));
  }
}

TEST_P(Preloads, HearOfEachLockAndReadThatTheyWrapAndAreNotAskedForTheTime) {
  RunUnder(GetParam(), "wrapped_locks");
}

INSTANTIATE_TEST_SUITE_P(Orders, Preloads,
                         testing::Values(kOurs, Joined(kOurs, kWrapper), Joined(kWrapper, kOurs)));

}  // namespace
}  // namespace limpet
