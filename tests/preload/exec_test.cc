// A process that becomes another program starts anew, and leaves no segment of what it was.

#include <nlohmann/json.hpp>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"

namespace limpet {
namespace {

constexpr char kExecs[] = LIMPET_PROGRAMS "/execs";
constexpr char kExits[] = LIMPET_PROGRAMS "/exits";

// Lets the program execute itself twice and looks at it each time.
void FollowSelf(TracedProgram& program) {
  for (int left = 2; left >= 0; --left) {
    ASSERT_EQ(program.ReadLine(), "left " + std::to_string(left));
    ASSERT_EQ(program.Segments().size(), 1u);
    SegmentSnapshot snapshot = program.Read();
    EXPECT_EQ(TotalsOf(snapshot, "heap", "ExecAllocates"), (SiteTotals{20, 2000, 20, 2000}));
    ExpectNothingLost(snapshot);
    program.Continue();
  }
}

TEST(Exec, OfItselfStartsAnewEachTime) {
  TracedProgram program({kExecs, "2", "/bin/true"}, {kExact});
  FollowSelf(program);
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

TEST(Exec, OfAProgramThatSamplesNothingLeavesNoSegment) {
  TracedProgram program({kExecs, "2", "/usr/bin/env", "LIMPET_SAMPLE_BYTES=1TiB", "/bin/true"},
                        {kExact});
  FollowSelf(program);
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(program.Segments().empty());
}

TEST(Exec, OfAProgramThatIsNotTracedIsNotTakenForTheOldOne) {
  TracedProgram program({kExecs, "2", "/usr/bin/env", "LD_PRELOAD=", kExits, "empty"}, {kExact});
  FollowSelf(program);
  ASSERT_EQ(program.ReadLine(), "ready");
  CommandOutput ps = RunProgram({LIMPET_COMPANION, "ps", "--json"},
                                {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  nlohmann::json list = nlohmann::json::parse(ps.out);
  for (const auto& process : list["processes"]) {
    if (process["pid"] != program.pid()) continue;  // others on the machine are traced too
    EXPECT_NE(process["state"], "running") << "its segment is that of a program that is no more";
  }
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
