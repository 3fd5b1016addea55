// A program that takes descriptors, limits or signals from itself runs on as without us, and what
// it allocates is known as long as there is a segment.

#include <signal.h>
#include <sys/wait.h>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kRestrictions[] = LIMPET_PROGRAMS "/restrictions";
// 200 MiB come after the restriction, 72 KiB before: that the first sample is not there, or is
// before, has a probability of 2 %; then the case is another one's.
constexpr char kFirstSampleIsLate[] = "LIMPET_SAMPLE_BYTES=4MiB";

class Restriction : public testing::TestWithParam<const char*> {};

// False: it has ended instead.
bool WaitUntilStopped(const TracedProgram& program) {
  siginfo_t info = {};
  int waited = waitid(P_PID, static_cast<id_t>(program.pid()), &info, WSTOPPED | WEXITED | WNOWAIT);
  return waited == 0 && info.si_code == CLD_STOPPED;
}

void ExpectGoodEnd(TracedProgram& program) {
  kill(program.pid(), SIGCONT);
  EXPECT_EQ(program.Finish(), 5);
}

TEST_P(Restriction, HoldsTheProgramWithoutUs) {
  TracedProgram program(
      {"/usr/bin/env", "-u", "LD_PRELOAD", kRestrictions, GetParam(), "early", "quiet"}, {});
  ASSERT_TRUE(WaitUntilStopped(program));
  ExpectGoodEnd(program);
}

TEST_P(Restriction, AfterTheFirstSampleLosesNothing) {
  TemporaryDirectory dumps;
  TracedProgram program({kRestrictions, GetParam(), "late"},
                        {kExact, "LIMPET_DIR=" + dumps.path()});
  ASSERT_TRUE(WaitUntilStopped(program));
  const SegmentSnapshot snapshot = program.Read();
  const SiteTotals totals = TotalsOf(snapshot, "heap", "RestrictedAllocates");
  const bool has_memory =
      std::string(GetParam()) != "RLIMIT_AS" && std::string(GetParam()) != "RLIMIT_DATA";
  EXPECT_EQ(totals.allocated_objects, has_memory ? 200 : totals.allocated_objects);
  EXPECT_EQ(totals.objects_in_use, 0);
  ExpectNothingLost(snapshot);
  const bool is_heard = std::string(GetParam()) != "signals";
  EXPECT_EQ(CounterOf(snapshot, "signals_received"), is_heard ? 1u : 0u);
  const std::size_t files = is_heard ? 2 : 0;
  EXPECT_EQ(WaitForDumps(dumps.path(), files).size(), files) << snapshot.launch_errno;
  ExpectGoodEnd(program);
  EXPECT_TRUE(program.LeavesNoSegment());
}

TEST_P(Restriction, BeforeTheFirstSampleChangesNothing) {
  TemporaryDirectory dumps;
  TracedProgram program({kRestrictions, GetParam(), "early"},
                        {kFirstSampleIsLate, "LIMPET_DIR=" + dumps.path()});
  ASSERT_TRUE(WaitUntilStopped(program));
  ExpectGoodEnd(program);
  EXPECT_TRUE(program.LeavesNoSegment());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Restriction,
                         testing::Values("closefrom", "close_range", "RLIMIT_NOFILE",
                                         "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_AS", "RLIMIT_DATA",
                                         "RLIMIT_MEMLOCK", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
                                         "signals"));

}  // namespace
}  // namespace limpet
