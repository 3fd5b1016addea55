// However a program ends, what it allocated can be known.

#include <signal.h>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kExits[] = LIMPET_PROGRAMS "/exits";
constexpr SiteTotals kTotals = {5, 1000, 3, 600};

class CleanExit : public testing::TestWithParam<std::string> {};

TEST_P(CleanExit, KeepsItsStatusAndLeavesNothing) {
  TracedProgram program({kExits, GetParam()}, {kExact});
  EXPECT_EQ(program.Finish(), 7);
  EXPECT_TRUE(program.Segments().empty());
}

TEST_P(CleanExit, WritesALastDumpWhenAsked) {
  TemporaryDirectory directory;
  TracedProgram program({kExits, GetParam()},
                        {kExact, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DIR=" + directory.path()});
  EXPECT_EQ(program.Finish(), 7);
  std::vector<std::string> files = ListDumps(directory.path());  // the program waited for them
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(TotalsOfDump(files.back(), "ExitAllocates()"), kTotals);
  bool runs_handlers = GetParam()[0] != '_';
  EXPECT_EQ(TotalsOfDump(files.back(), "LateAllocates").allocated_bytes, runs_handlers ? 900 : 0)
      << "the dump comes after the program's own handlers";
  EXPECT_TRUE(program.Segments().empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, CleanExit,
                         testing::Values("return", "exit", "_exit", "_Exit", "quick_exit"));

class LateAllocation : public testing::TestWithParam<std::string> {};

// Destructors of every kind, and threads that go on while the process ends.
TEST_P(LateAllocation, EndsAsEver) {
  TemporaryDirectory directory;
  for (int i = 0; i < std::stoi(Repeats(10, 300)); ++i) {
    TracedProgram program({LIMPET_PROGRAMS "/exit_order", GetParam()},
                          {kExact, i % 5 == 0 ? "LIMPET_DUMP_AT_EXIT=1" : "LIMPET_DUMP_AT_EXIT=0",
                           "LIMPET_DIR=" + directory.path()});
    EXPECT_EQ(program.Finish(), 7);
    EXPECT_TRUE(program.Segments().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, LateAllocation,
                         testing::Values("return", "exit", "_exit", "quick_exit"));

struct Death {
  const char* way;
  int signal;
};

class ViolentEnd : public testing::TestWithParam<Death> {};

TEST_P(ViolentEnd, LeavesASegmentThatCanBeDumped) {
  TemporaryDirectory directory;
  TracedProgram program({kExits, GetParam().way}, {kExact});
  EXPECT_EQ(program.Finish(), 128 + GetParam().signal);
  ASSERT_EQ(program.Segments().size(), 1u);
  std::string segment = program.Segments()[0];
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(segment);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  ExpectNothingLost(*snapshot);
  std::string file = directory.File("heap.pb.gz");
  CommandOutput dump = RunProgram({LIMPET_COMPANION, "dump", segment, "-p", "heap", "-o", file});
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_EQ(TotalsOfDump(file, "ExitAllocates()"), kTotals);
}

INSTANTIATE_TEST_SUITE_P(Ways, ViolentEnd,
                         testing::Values(Death{"abort", SIGABRT}, Death{"SIGKILL", SIGKILL},
                                         Death{"SIGSEGV", SIGSEGV}));

TEST(EmptyProcess, GivesAValidEmptyProfile) {
  TemporaryDirectory directory;
  TracedProgram program({kExits, "empty"}, {});
  program.WaitUntilReady();
  EXPECT_TRUE(program.Segments().empty()) << "nothing was sampled";
  std::string file = directory.File("heap.pb.gz");
  CommandOutput dump = RunProgram(
      {LIMPET_COMPANION, "dump", std::to_string(program.pid()), "-p", "heap", "-o", file},
      {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_EQ(TotalsOfDump(file, ""), SiteTotals{});
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
