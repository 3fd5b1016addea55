// A process that gives up its rights is traced on, and its segment lies where root's companion
// looks.

#include <sys/stat.h>

#include <filesystem>

#include "runtime/layout/segment.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"

namespace limpet {
namespace {

constexpr char kExits[] = LIMPET_PROGRAMS "/exits";
constexpr char kPrivileges[] = LIMPET_PROGRAMS "/privileges";
constexpr char kSampled[] = "LIMPET_SAMPLE_BYTES=4MiB";
constexpr SiteTotals kLate = {100, 100 << 20, 50, 50 << 20};

// Who gives up what, and when.
struct Case {
  const char* who;
  const char* way;
  const char* when;
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.who << ' ' << one.way << ' ' << one.when;
}

class RightsGivenUp : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "giving up rights needs root's";
  }
  static std::vector<std::string> Command() {
    return {kPrivileges, GetParam().who, GetParam().way, GetParam().when};
  }
};

TEST_P(RightsGivenUp, DoNotEndTheTracing) {
  TracedProgram program(Command(), {kExact});
  const std::string line = program.ReadLine();
  if (line.empty() && program.Finish() == 77) GTEST_SKIP() << "not allowed here";
  ASSERT_EQ(line.substr(0, 6), "worked");
  const SegmentSnapshot snapshot = ReadProcess(program, static_cast<std::uint32_t>(NumberIn(line)));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "LateAllocates"), kLate);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

TEST_P(RightsGivenUp, DoNotEndTheSampling) {
  TracedProgram program(Command(), {kSampled});
  const std::string line = program.ReadLine();
  if (line.empty() && program.Finish() == 77) GTEST_SKIP() << "not allowed here";
  const SegmentSnapshot snapshot = ReadProcess(program, static_cast<std::uint32_t>(NumberIn(line)));
  // None of 100 MiB is a sample with a probability of 1e-11.
  EXPECT_GT(TotalsOf(snapshot, "heap", "LateAllocates").allocated_bytes, 0);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

INSTANTIATE_TEST_SUITE_P(
    Ways, RightsGivenUp,
    testing::Values(Case{"self", "setuid", "early"}, Case{"self", "setuid", "late"},
                    Case{"self", "setresuid", "early"}, Case{"self", "setreuid", "early"},
                    Case{"self", "seteuid", "early"}, Case{"self", "setfsuid", "early"},
                    Case{"self", "chroot", "early"}, Case{"self", "chroot", "late"},
                    Case{"self", "chroot_setuid", "early"}, Case{"self", "unshare", "early"},
                    Case{"self", "not_dumpable", "early"}, Case{"self", "not_dumpable", "late"},
                    Case{"child", "setuid", "early"}, Case{"child", "setresuid", "late"},
                    Case{"child", "chroot", "early"}, Case{"child", "chroot_setuid", "early"}));

TEST(Rights, ThatStayCostNoSegment) {
  TracedProgram program({kPrivileges, "self", "nothing", "only"}, {});
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  EXPECT_TRUE(program.Segments().empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_TRUE(std::filesystem::is_empty(program.runtime_directory()));
}

// As su, setpriv and start-stop-daemon do it. What the launcher left is not taken for the
// program's.
TEST(Rights, ThatAreGivenUpBeforeAnExecLeaveNothingInTheProgramsName) {
  if (geteuid() != 0) GTEST_SKIP() << "giving up rights needs root's";
  TracedProgram program({kPrivileges, "self", "setuid", "early", kExits, "empty"}, {});
  ASSERT_EQ(program.ReadLine(), "ready");
  ASSERT_EQ(program.Segments().size(), 1u) << "the launcher's";
  const std::vector<std::string> settings = {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()};
  const std::string pid = std::to_string(program.pid());
  CommandOutput dump =
      RunProgram({LIMPET_COMPANION, "dump", pid, "-p", "heap", "-f", "text", "-o", "-"}, settings);
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_NE(dump.out.find("exits"), std::string::npos) << dump.out;
  EXPECT_EQ(dump.out.find("privileges"), std::string::npos) << dump.out;
  CommandOutput ps = RunProgram({LIMPET_COMPANION, "ps"}, settings);
  EXPECT_NE(ps.out.find("dead"), std::string::npos) << ps.out;
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// The directory of its own user, which exists for real: only what is its own is looked at.
TEST(Rights, ThatAreInheritedLeaveTheDirectoryOfTheNewUser) {
  if (geteuid() != 0) GTEST_SKIP() << "giving up rights needs root's";
  TracedProgram program(
      {"/usr/bin/env", "-u", "LIMPET_RUNTIME_DIR", kPrivileges, "heir", "setuid", "early"},
      {kExact});
  const auto child = static_cast<std::uint32_t>(NumberIn(program.ReadLine()));
  std::optional<SegmentEntry> entry = FindNewestSegment({"/dev/shm/limpet-65534"}, child);
  ASSERT_TRUE(entry.has_value());
  absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry->path);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(TotalsOf(*snapshot, "heap", "LateAllocates"), kLate);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_FALSE(std::filesystem::exists(entry->path)) << "it may remove what it made";
  RunProgram({LIMPET_COMPANION, "ps"}, {});  // its parent's page
}

std::int64_t BytesBelow(const std::string& directory) {
  std::int64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    struct stat status = {};
    EXPECT_EQ(stat(entry.path().c_str(), &status), 0);
    bytes += status.st_blocks * 512;
  }
  return bytes;
}

// The file is not its own to remove: it says that it is done, and whoever comes next removes it.
TEST(Rights, ThatAreGoneAtTheEndLeaveAPageUntilSomebodyLooks) {
  if (geteuid() != 0) GTEST_SKIP() << "giving up rights needs root's";
  TracedProgram program({kPrivileges, "self", "setuid", "early"}, {kExact});
  ASSERT_EQ(program.ReadLine().substr(0, 6), "worked");
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_LE(BytesBelow(program.runtime_directory()), static_cast<int>(kSegmentPageBytes));
  CommandOutput ps =
      RunProgram({LIMPET_COMPANION, "ps"}, {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(ps.exit_code, 0) << ps.error;
  EXPECT_TRUE(std::filesystem::is_empty(program.runtime_directory()));
}

}  // namespace
}  // namespace limpet
