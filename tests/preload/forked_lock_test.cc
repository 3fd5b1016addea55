// A lock that a thread held when its process forked: in the child nobody will ever unlock it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/command_output.h"
#include "tests/support/traced_program.h"

namespace limpet {
namespace {

using ::testing::HasSubstr;

// The child is on its way to the lock for a moment, and `deadlocks` looks twice, a second apart.
CommandOutput JudgeWhenItHangs(const std::string& pid, const std::string& place) {
  CommandOutput said;
  for (int looks = 0; looks < 20 && said.exit_code != 1; ++looks)
    said = RunProgram({LIMPET_COMPANION, "deadlocks", pid}, {place});
  return said;
}

TEST(ForkedLock, IsAnOrphanedOne) {
  TracedProgram program({LIMPET_PROGRAMS "/forked_lock"}, {});
  std::string child;
  for (int lines = 0; lines < 2; ++lines) {  // in either order
    const std::string line = program.ReadLine();
    ASSERT_TRUE(line == "ready" || line.starts_with("child ")) << line;
    if (line != "ready") child = line.substr(6);
  }
  const CommandOutput said =
      JudgeWhenItHangs(child, "LIMPET_RUNTIME_DIR=" + program.runtime_directory());
  EXPECT_EQ(said.exit_code, 1) << said.error;
  EXPECT_THAT(said.out, HasSubstr("orphaned lock on 0x"));
  EXPECT_THAT(said.out, HasSubstr("or fork left it behind"));
  EXPECT_THAT(said.out, HasSubstr("ComeForLock"));
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
