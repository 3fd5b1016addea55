#include "tools/reader/process_facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.h"
#include "tools/reader/perf_map.h"
#include "tools/reader/segment_directory.h"

namespace limpet {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

void Write(const std::string& path, const std::string& text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A made-up /proc.
class FakeProc : public ::testing::Test {
 protected:
  void AddProcess(std::uint32_t pid, char state, const std::string& maps) {
    const std::string folder = directory_.File(std::to_string(pid));
    Write(folder + "/stat", std::to_string(pid) + " (a b) " + state +
                                " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 555 0 0");
    Write(
        folder + "/status",
        "Uid:\t1000\t1001\t1000\t1000\nNSpid:\t42\t7\nVmRSS:\t8 kB\nRssAnon:\t4 kB\nThreads:\t2\n");
    Write(folder + "/maps", maps);
    Write(folder + "/environ", std::string("A=b\0LIMPET_DIR=dumps\0", 21));
    std::filesystem::create_symlink("/bin/app", folder + "/exe");
    std::filesystem::create_symlink("/srv", folder + "/cwd");
  }

  TemporaryDirectory directory_;
};

TEST_F(FakeProc, TellsAllOfAProcess) {
  AddProcess(42, 'S', "1-2 r-xp 0 0:0 1 /opt/liblimpet.so\n");
  const absl::StatusOr<ProcessFacts> facts = ReadProcess(42, directory_.path());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_TRUE(facts->is_alive);
  EXPECT_EQ(facts->start_ticks, 555U);
  EXPECT_EQ(facts->namespace_pid, 7U);
  EXPECT_EQ(facts->uid, 1001U);
  EXPECT_EQ(facts->executable, "/bin/app");
  EXPECT_EQ(facts->resident_bytes, 8192U);
  EXPECT_EQ(facts->resident_anonymous_bytes, 4096U);
  EXPECT_EQ(facts->threads, 2U);
  EXPECT_EQ(facts->has_limpet, true);
  EXPECT_EQ(ReadEnvironment(42, "LIMPET_DIR", directory_.path()), "dumps");
  EXPECT_EQ(AbsolutePathIn(42, "dumps", directory_.path()), "/srv/dumps");
  EXPECT_EQ(AbsolutePathIn(42, "/dumps", directory_.path()), "/dumps");
}

TEST_F(FakeProc, KnowsThatAZombieIsDead) {
  AddProcess(42, 'Z', "");
  const absl::StatusOr<ProcessFacts> facts = ReadProcess(42, directory_.path());
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_FALSE(facts->is_alive);
  EXPECT_EQ(facts->has_limpet, false);
}

TEST_F(FakeProc, HasNoProcessThatIsNotThere) {
  EXPECT_EQ(ReadProcess(43, directory_.path()).status().code(), absl::StatusCode::kNotFound);
  AddProcess(42, 'S', "");
  AddProcess(5, 'S', "");
  Write(directory_.File("self/stat"), "");
  EXPECT_THAT(ListProcesses(directory_.path()), ElementsAre(5U, 42U));
}

TEST_F(FakeProc, KnowsWhoSeesOtherFiles) {
  AddProcess(42, 'S', "");
  const ProcessFacts facts{.pid = 42};
  const auto link = [&](const std::string& name, const std::string& to) {
    std::filesystem::create_directories(
        directory_.File(name).substr(0, directory_.File(name).rfind('/')));
    std::filesystem::remove(directory_.File(name));
    std::filesystem::create_symlink(to, directory_.File(name));
  };
  EXPECT_EQ(ForeignRootOf(facts, directory_.path()), "") << "we may not look";
  for (const char* process : {"self", "42"}) {
    link(std::string(process) + "/root", "/");
    link(std::string(process) + "/ns/mnt", "mnt:[1]");
  }
  EXPECT_EQ(ForeignRootOf(facts, directory_.path()), "");
  link("42/ns/mnt", "mnt:[2]");
  EXPECT_EQ(ForeignRootOf(facts, directory_.path()), directory_.File("42/root"));
  link("42/ns/mnt", "mnt:[1]");
  link("42/root", "/srv/jail");
  EXPECT_EQ(ForeignRootOf(facts, directory_.path()), directory_.File("42/root"));
}

TEST(ProcessFacts, ReadsThisVeryProcess) {
  const auto pid = static_cast<std::uint32_t>(getpid());
  const absl::StatusOr<ProcessFacts> facts = ReadProcess(pid);
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_TRUE(facts->is_alive);
  EXPECT_GT(facts->resident_bytes, 0U);
  EXPECT_EQ(facts->uid, geteuid());
  EXPECT_THAT(ListProcesses(), Contains(pid));
}

TEST(SegmentDirectory, ParsesOnlyNamesThatTargetsWrite) {
  EXPECT_EQ(ParseSegmentName("4242-987654.segment"), (SegmentName{4242, 987654}));
  for (const char* name :
       {"4242.segment", "4242-1-2.segment", "-1-2.segment", "+1-2.segment", "a-1.segment",
        "1-.segment", "1-2.segment.tmp", "99999999999-1.segment", " 1-2.segment", ".segment", ""}) {
    EXPECT_FALSE(ParseSegmentName(name).has_value()) << name;
  }
}

TEST(SegmentDirectory, TellsProcessesOfOnePidApart) {
  const TemporaryDirectory directory;
  for (const char* name : {"7-10.segment", "7-9.segment", "6-1.segment", "notes"}) {
    Write(directory.File(name), "");
  }
  const std::vector<std::string> directories = {"/nowhere", directory.path()};
  EXPECT_EQ(ListSegments(directories).size(), 3U);
  EXPECT_EQ(FindNewestSegment(directories, 7)->name.start_ticks, 10U);
  EXPECT_EQ(FindSegment(directories, {7, 9})->path, directory.File("7-9.segment"));
  EXPECT_FALSE(FindSegment(directories, {6, 9}).has_value());
  EXPECT_FALSE(FindNewestSegment(directories, 8).has_value());
}

TEST(SegmentDirectory, LooksWhereItIsTold) {
  EXPECT_THAT(RuntimeDirectories("/chosen"), ElementsAre("/chosen"));
  setenv("LIMPET_RUNTIME_DIR", "/from/environment", 1);
  EXPECT_THAT(RuntimeDirectories(""), ElementsAre("/from/environment"));
  EXPECT_THAT(RuntimeDirectories("/chosen"), ElementsAre("/chosen"));
  unsetenv("LIMPET_RUNTIME_DIR");
}

TEST(PerfMap, NamesCodeByItsRange) {
  const PerfMap map =
      PerfMap::Parse("1000 10 first\nbad line\nzz 1 no\n2000 20 a b c\n1000 8 new\n");
  EXPECT_EQ(map.NameAt(0x1000), "new");
  EXPECT_EQ(map.NameAt(0x1008), "");
  EXPECT_EQ(map.NameAt(0x201F), "a b c");
  EXPECT_EQ(map.NameAt(0x2020), "");
  EXPECT_EQ(map.NameAt(0), "");
  EXPECT_EQ(PerfMap::Parse("ffffffffffffff00 fff wraps").NameAt(UINT64_MAX), "");
}

TEST(PerfMap, BelievesOnlyAFileOfTheProcesssOwner) {
  const TemporaryDirectory directory;
  Write(directory.File("perf-42.map"), "1000 10 mine\n");
  std::filesystem::create_symlink(directory.File("perf-42.map"), directory.File("perf-43.map"));
  EXPECT_EQ(PerfMap::Load(42, geteuid(), directory.path()).NameAt(0x1000), "mine");
  EXPECT_EQ(PerfMap::Load(42, geteuid() + 1, directory.path()).NameAt(0x1000), "");
  EXPECT_EQ(PerfMap::Load(43, geteuid(), directory.path()).NameAt(0x1000), "") << "a link";
  EXPECT_EQ(PerfMap::Load(44, geteuid(), directory.path()).NameAt(0x1000), "");
}

}  // namespace
}  // namespace limpet
