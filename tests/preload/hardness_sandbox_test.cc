// A program that forbids itself system calls is not ended by one of ours, and is traced on.

#include <errno.h>
#include <signal.h>

#include <filesystem>

#include "runtime/layout/segment.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kSandboxes[] = LIMPET_PROGRAMS "/sandboxes";
constexpr char kSampled[] = "LIMPET_SAMPLE_BYTES=64KiB";

struct Case {
  const char* way;
  const char* action;
  const char* when;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.way << ' ' << one.action << ' ' << one.when;
}

class Sandbox : public testing::TestWithParam<Case> {
 protected:
  static std::vector<std::string> Command(const std::string& blocks) {
    return {kSandboxes, GetParam().way, GetParam().action, GetParam().when, blocks};
  }
};

// What it printed before its end comes out at its end.
void ExpectGoodEnd(TracedProgram& program) {
  program.Continue();
  EXPECT_EQ(program.ReadLine(), "printed");
  EXPECT_EQ(program.Finish(), 5);
}

TEST_P(Sandbox, HoldsTheProgramWithoutUs) {
  std::vector<std::string> command = {"/usr/bin/env", "-u", "LD_PRELOAD"};
  for (const std::string& word : Command("30000")) command.push_back(word);
  TracedProgram program(command, {});
  ASSERT_EQ(program.ReadLine(), "worked");
  ExpectGoodEnd(program);
}

TEST_P(Sandbox, LosesNothingThatIsNotCounted) {
  TemporaryDirectory dumps;
  TracedProgram program(Command("30000"),
                        {kExact, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DIR=" + dumps.path()});
  ASSERT_EQ(program.ReadLine(), "worked");
  const SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "SandboxAllocates"),
            (SiteTotals{30'000, 30'000 * 64, 30'000, 30'000 * 64}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ThreadAllocates"), (SiteTotals{10'000, 700'000, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "FiberAllocates"), (SiteTotals{1, 33, 1, 33}));
  EXPECT_EQ(CounterOf(snapshot, "truncated_stacks"), 1u) << "the fiber's";
  EXPECT_EQ(CounterOf(snapshot, "signals_received"), 1u);
  EXPECT_EQ(CounterOf(snapshot, "companions_started"), 0u);
  EXPECT_EQ(snapshot.launch_errno, static_cast<std::uint32_t>(EPERM));
  EXPECT_EQ(program.Segments().size(), 1u) << "the child makes none";
  ExpectGoodEnd(program);
  EXPECT_TRUE(std::filesystem::is_empty(dumps.path()));
}

TEST_P(Sandbox, HoldsASampledProgram) {
  TracedProgram program(Command("30000"), {kSampled});
  ASSERT_EQ(program.ReadLine(), "worked");
  const SegmentSnapshot snapshot = program.Read();
  EXPECT_GT(TotalsOf(snapshot, "heap", "SandboxAllocates").allocated_bytes, 0);
  EXPECT_EQ(CounterOf(snapshot, "reservation_failures"), 0u);
  ExpectGoodEnd(program);
}

TEST_P(Sandbox, LetsTheSegmentGrowByItsLastLease) {
  constexpr std::int64_t kBlocks = 600'000;
  TracedProgram program(Command(std::to_string(kBlocks)), {kExact});
  ASSERT_EQ(program.ReadLine(), "worked");
  const SegmentSnapshot snapshot = program.Read();
  const SiteTotals totals = TotalsOf(snapshot, "heap", "SandboxAllocates");
  const auto dropped = static_cast<std::int64_t>(CounterOf(snapshot, "dropped_allocations_full"));
  EXPECT_EQ(totals.allocated_objects, kBlocks);
  EXPECT_GT(dropped, 0);
  EXPECT_GT(totals.objects_in_use, 250'000);
  EXPECT_GE(totals.objects_in_use + dropped, kBlocks) << "each is in use, or counted as lost";
  EXPECT_LE(CounterOf(snapshot, "reserved_bytes"), 17u << 20);
  ExpectGoodEnd(program);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, Sandbox,
    testing::Values(Case{"prctl", "kill", "early"}, Case{"prctl", "kill", "late"},
                    Case{"prctl", "errno", "early"}, Case{"seccomp", "kill", "early"},
                    Case{"seccomp", "kill", "late"}, Case{"seccomp", "errno", "late"}));

// A filter that no hook saw come is announced by PR_SET_NO_NEW_PRIVS.
TEST(Sandboxes, ThatCameUnseenLeaveRoomForSamples) {
  for (const char* when : {"early", "late"}) {
    TracedProgram program({kSandboxes, "own", "errno", when, "30000"}, {kExact});
    EXPECT_EQ(program.ReadLine(), "worked");
    EXPECT_EQ(program.Finish(), 5);
  }
}

TEST(Sandboxes, ThatAreStrictLetTheProgramEndAsItWould) {
  for (const char* setting : {kExact, kSampled, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DISABLE=1"}) {
    TracedProgram program({kSandboxes, "strict"}, {setting});
    EXPECT_EQ(program.ReadLine(), "printed") << setting;
    EXPECT_EQ(program.Finish(), 128 + SIGKILL) << setting;
  }
}

TEST(Sandboxes, ThatAreOnlyAskedForChangeNothing) {
  TemporaryDirectory dumps;
  TracedProgram program({kSandboxes, "ask"},
                        {kExact, "LIMPET_DUMP_AT_EXIT=1", "LIMPET_DIR=" + dumps.path()});
  ASSERT_EQ(program.ReadLine(), "asked");
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_TRUE(program.Segments().empty());
  EXPECT_FALSE(std::filesystem::is_empty(dumps.path()));
}

// It says so and its file, which it had better not try to remove, is of one page.
TEST(Sandboxes, LeaveAPageAtTheEndUntilSomebodyLooks) {
  TracedProgram program({kSandboxes, "prctl", "kill", "late", "1000"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "worked");
  ExpectGoodEnd(program);
  ASSERT_EQ(program.Segments().size(), 1u);
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(program.Segments().front());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->state, static_cast<std::uint32_t>(SegmentState::kExited));
  CommandOutput ps =
      RunProgram({LIMPET_COMPANION, "ps"}, {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(ps.exit_code, 0) << ps.error;
  EXPECT_TRUE(program.Segments().empty());
}

}  // namespace
}  // namespace limpet
