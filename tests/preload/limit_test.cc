// Where there is too little of something we go without, and the program never notices.

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kLimits[] = LIMPET_PROGRAMS "/limits";
constexpr char kPreload[] = "LD_PRELOAD=" LIMPET_TEST_LIBRARY;

// The first sample comes after the limit is set: 100 MiB are allocated then, and some 100 bytes
// before. That it is otherwise has a probability of 3e-5.
constexpr char kFirstSampleInWork[] = "LIMPET_SAMPLE_BYTES=4MiB";

// The program, started where `setting` is the last word.
int RunWork(const std::string& mode, const std::vector<std::string>& settings) {
  std::vector<std::string> command = {"/usr/bin/env"};
  command.insert(command.end(), settings.begin(), settings.end());
  command.insert(command.end(), {kLimits, mode});
  TracedProgram program(command, {kExact});
  EXPECT_EQ(program.ReadLine(), "worked");
  program.Continue();
  return program.Finish();
}

TEST(Limits, ASegmentThatIsFullIsCountedAndShown) {
  TracedProgram program({kLimits, "live", "1000000"}, {kExact, "LIMPET_MAX_BYTES=2MiB"});
  ASSERT_EQ(program.ReadLine(), "live");
  SegmentSnapshot snapshot = program.Read();
  SiteTotals totals = TotalsOf(snapshot, "heap", "LiveBlock");
  auto dropped = static_cast<std::int64_t>(CounterOf(snapshot, "dropped_allocations_full"));
  EXPECT_EQ(totals.allocated_objects, 1'000'000) << "what was allocated is known all the same";
  EXPECT_GT(dropped, 0);
  EXPECT_NEAR(static_cast<double>(totals.objects_in_use + dropped), 1e6, 1e3);
  CommandOutput dump = RunProgram({LIMPET_COMPANION, "dump", std::to_string(program.pid()), "-f",
                                   "text", "-o", "-", "-p", "heap"},
                                  {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_NE((dump.out + dump.error).find("dropped_allocations_full"), std::string::npos);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "freed");
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "LiveBlock").objects_in_use, 0);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

std::int64_t SegmentBytes(const TracedProgram& program) {
  struct stat status = {};
  EXPECT_EQ(stat(program.Segments().at(0).c_str(), &status), 0);
  return std::max(status.st_size, status.st_blocks * 512);
}

// What there is of a process and its dump after some of its work.
struct Growth {
  std::uint64_t private_bytes = 0;
  std::uint64_t dump_bytes = 0;
  std::int64_t companion_bytes = 0;
};

Growth GrowthOf(const TracedProgram& program) {
  TemporaryDirectory directory;
  const std::string dump = directory.File("heap");
  CommandOutput companion = RunProgram(
      {LIMPET_COMPANION, "dump", std::to_string(program.pid()), "-p", "heap", "-o", dump},
      {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(companion.exit_code, 0) << companion.error;
  return {.private_bytes = CounterOf(program.Read(), "private_bytes"),
          .dump_bytes = std::filesystem::file_size(dump),
          .companion_bytes = companion.peak_resident_bytes};
}

TEST(Limits, ManyStacksTakeNoMoreThanTheLimitHereAndInTheCompanion) {
  constexpr std::int64_t kStacks = 150'000;
  TracedProgram program({kLimits, "stacks", std::to_string(kStacks)},
                        {kExact, "LIMPET_MAX_BYTES=4MiB"});
  ASSERT_EQ(program.ReadLine(), "allocated");
  ASSERT_LE(SegmentBytes(program), 4 << 20);
  const Growth half = GrowthOf(program);
  EXPECT_GT(CounterOf(program.Read(), "dropped_stacks_full"), 0u);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "allocated");
  const Growth whole = GrowthOf(program);
  EXPECT_LE(SegmentBytes(program), 4 << 20);
  EXPECT_LE(whole.private_bytes, 8u << 20);
  EXPECT_LE(whole.dump_bytes, 256u << 10);
  EXPECT_LE(whole.companion_bytes, 64 << 20);
  EXPECT_EQ(whole.private_bytes, half.private_bytes);
  EXPECT_LE(whole.dump_bytes, half.dump_bytes + half.dump_bytes / 10) << "it was full before";
  EXPECT_GE(TotalsOf(program.Read(), "heap", "").allocated_objects, 2 * kStacks)
      << "none is lost in number";
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

class SmallLimit : public testing::TestWithParam<const char*> {};

TEST_P(SmallLimit, DoesNotTouchTheProgram) { EXPECT_EQ(RunWork(GetParam(), {}), 5); }
TEST_P(SmallLimit, BeforeTheFirstSampleDoesNotTouchTheProgram) {
  EXPECT_EQ(RunWork(GetParam(), {kFirstSampleInWork}), 5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, SmallLimit,
                         testing::Values("none", "close_range", "RLIMIT_AS", "RLIMIT_DATA",
                                         "RLIMIT_FSIZE", "RLIMIT_NOFILE", "mlockall", "no_tables"));

// The kernel would fill all of a mapping that is made under mlockall(MCL_FUTURE).
TEST(Limits, AProgramThatLocksItsMemoryHasASegmentAsSmallAsAnyOther) {
  TracedProgram program({kLimits, "mlockall"}, {kFirstSampleInWork});
  ASSERT_EQ(program.ReadLine(), "worked");
  ASSERT_EQ(program.Segments().size(), 1u);
  struct stat status = {};
  ASSERT_EQ(stat(program.Segments()[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 64 << 20);
  EXPECT_LT(status.st_blocks * 512, 8 << 20);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

TEST(Limits, WithoutMemoryForTheTablesOnlyAPageOfTheSegmentStays) {
  TracedProgram program({kLimits, "no_tables"}, {kFirstSampleInWork});
  ASSERT_EQ(program.ReadLine(), "worked");
  std::ifstream maps("/proc/" + std::to_string(program.pid()) + "/maps");
  std::uint64_t mapped_bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(".segment") == std::string::npos) continue;
    const std::size_t dash = line.find('-');
    mapped_bytes +=
        std::stoull(line.substr(dash + 1), nullptr, 16) - std::stoull(line, nullptr, 16);
  }
  EXPECT_EQ(mapped_bytes, 4096U);
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
}

class UnusableRuntimeDirectory : public testing::TestWithParam<const char*> {};

TEST_P(UnusableRuntimeDirectory, DoesNotTouchTheProgram) {
  EXPECT_EQ(RunWork("none", {std::string("LIMPET_RUNTIME_DIR=") + GetParam()}), 5);
}

INSTANTIATE_TEST_SUITE_P(Kinds, UnusableRuntimeDirectory,
                         testing::Values("/nowhere/at/all", "/proc", "/sys/kernel", "/dev/null",
                                         "/etc/passwd/below"));

// In a mount namespace of its own, with the runtime directory on a file system of its own. Returns
// the exit status of the program in it.
int RunOnFileSystem(const char* options, unsigned long flags, const char* mode) {
  TemporaryDirectory directory;
  pid_t child = fork();
  if (child == 0) {
    std::string place = directory.path();
    bool is_mounted = unshare(CLONE_NEWNS) == 0 &&
                      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      mount("tmpfs", place.c_str(), "tmpfs", flags, options) == 0;
    if (!is_mounted) _exit(77);
    std::string runtime = "LIMPET_RUNTIME_DIR=" + place;
    std::string command = "echo | exec env " + std::string(kPreload) + " \"$0\" \"$1\" \"$2\" >&2";
    execl("/usr/bin/env", "env", kExact, runtime.c_str(), "/bin/sh", "-c", command.c_str(), kLimits,
          mode, (place + "/filling").c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class SmallFileSystem : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "mounting needs root";
  }
  static void ExpectUntouched(int status) {
    if (status == 77) GTEST_SKIP() << "mounting is not allowed here";
    EXPECT_EQ(status, 5);
  }
};

TEST_F(SmallFileSystem, WithoutRoomForASegmentDoesNotTouchTheProgram) {
  ExpectUntouched(RunOnFileSystem("size=2m", 0, "none"));
}
TEST_F(SmallFileSystem, ThatBecomesFullDoesNotTouchTheProgram) {
  ExpectUntouched(RunOnFileSystem("size=16m", 0, "fill"));
}
TEST_F(SmallFileSystem, OfFewBytesDoesNotTouchTheProgram) {
  ExpectUntouched(RunOnFileSystem("size=64k", 0, "none"));
}
TEST_F(SmallFileSystem, ThatIsReadOnlyDoesNotTouchTheProgram) {
  ExpectUntouched(RunOnFileSystem("size=8m", MS_RDONLY, "none"));
}

TEST(Disabled, MakesNothingAtAll) {
  TemporaryDirectory directory;
  TracedProgram program({kLimits, "none"}, {kExact, "LIMPET_DISABLE=1", "LIMPET_DUMP_AT_EXIT=1",
                                            "LIMPET_DIR=" + directory.path()});
  ASSERT_EQ(program.ReadLine(), "worked");
  EXPECT_TRUE(program.Segments().empty());
  std::ifstream status("/proc/" + std::to_string(program.pid()) + "/status");
  std::string line, caught;
  while (std::getline(status, line)) {
    if (line.starts_with("SigCgt:")) caught = line.substr(8);
  }
  EXPECT_EQ(std::strtoull(caught.c_str(), nullptr, 16) & (1ull << (SIGUSR1 - 1)), 0u)
      << "no handler of ours";
  program.Continue();
  EXPECT_EQ(program.Finish(), 5);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

// One line on stderr for a bad setting, none for a good one, and the program runs.
class Setting : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(Setting, IsToldOfOnceWhenItIsBad) {
  TemporaryDirectory directory;
  auto [setting, lines] = GetParam();
  CommandOutput output = RunProgram({"/usr/bin/env", kPreload, setting, "/bin/sh", "-c", "exit 9"},
                                    {"LIMPET_RUNTIME_DIR=" + directory.path()});
  EXPECT_EQ(output.exit_code, 9);
  EXPECT_EQ(std::count(output.error.begin(), output.error.end(), '\n'), lines) << output.error;
  EXPECT_EQ(output.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    Values, Setting,
    testing::Values(std::pair("LIMPET_SAMPLE_BYTES=many", 1), std::pair("LIMPET_SAMPLE_BYTES=0", 1),
                    std::pair("LIMPET_SAMPLE_BYTES=-1", 1),
                    std::pair("LIMPET_SAMPLE_BYTES=99999999999999999999", 1),
                    std::pair("LIMPET_SAMPLE_BYTES=64KiB", 0),
                    std::pair("LIMPET_SAMPLE_BYTES=1TiB", 0), std::pair("LIMPET_SIGNAL=KILL", 1),
                    std::pair("LIMPET_SIGNAL=9", 1), std::pair("LIMPET_SIGNAL=USR2", 0),
                    std::pair("LIMPET_MAX_BYTES=1", 1), std::pair("LIMPET_MMAP=maybe", 1),
                    std::pair("LIMPET_DISABLE=2", 1), std::pair("LIMPET_NO_SUCH=1", 1),
                    std::pair("LIMPET_DIR=", 0), std::pair("LIMPET_SAMPLE_BYTES=", 0)));

}  // namespace
}  // namespace limpet
