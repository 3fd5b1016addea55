// A reader that stops, dies or is cut off anywhere holds up nobody; signals that interrupt leave no
// profile torn.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kCountsOn[] = LIMPET_PROGRAMS "/counts_on";
constexpr SiteTotals kKept = {100, 10'000, 100, 10'000};
constexpr int kPatienceMs = 20'000;
constexpr std::uint64_t kEnough = 1000;

// Whether the program's threads make rounds.
bool GoesOn(TracedProgram& program, std::uint64_t* rounds) {
  const std::uint64_t before = *rounds;
  for (int waited_ms = 0; *rounds < before + kEnough && waited_ms < kPatienceMs; ++waited_ms) {
    usleep(1000);
    program.Continue();
    *rounds = NumberIn(program.ReadLine());
  }
  return *rounds >= before + kEnough;
}

// `limpet dump` of the program into a file, which nobody waits for.
pid_t StartReader(const TracedProgram& program, const std::string& file) {
  const std::string pid = std::to_string(program.pid());
  const char* const arguments[] = {LIMPET_COMPANION, "dump", pid.c_str(),  "-p",
                                   "heap",           "-o",   file.c_str(), nullptr};
  const pid_t reader = fork();
  if (reader != 0) return reader;
  setenv("LIMPET_RUNTIME_DIR", program.runtime_directory().c_str(), 1);
  dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
  execv(arguments[0], const_cast<char* const*>(arguments));
  _exit(127);
}

void Kill(pid_t reader) {
  int status = 0;
  kill(reader, SIGKILL);
  waitpid(reader, &status, 0);
}

// How long a reader takes that nobody stops.
std::int64_t MicrosecondsToRead(const TracedProgram& program, const std::string& file) {
  const auto start = std::chrono::steady_clock::now();
  int status = -1;
  waitpid(StartReader(program, file), &status, 0);
  EXPECT_EQ(status, 0);
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                               start)
      .count();
}

TEST(StuckReader, HoldsUpNobodyWhereverItIs) {
  TemporaryDirectory directory;
  TracedProgram program({kCountsOn}, {kExact});
  std::uint64_t rounds = NumberIn(program.ReadLine());
  const std::int64_t whole_us = MicrosecondsToRead(program, directory.File("heap.pb.gz"));
  const int times = std::stoi(Repeats(100, 2000));
  for (int i = 0; i < times; ++i) {
    const pid_t reader = StartReader(program, directory.File("heap.pb.gz"));
    usleep(static_cast<unsigned>(i * whole_us / times));
    kill(reader, SIGSTOP);
    EXPECT_TRUE(GoesOn(program, &rounds)) << "while a reader is stopped, round " << i;
    Kill(reader);
    ASSERT_FALSE(HasFailure());
    ASSERT_TRUE(GoesOn(program, &rounds)) << "when a reader was killed, round " << i;
  }
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "KeptBlocks"), kKept);
}

TEST(StuckReader, WithTheDirectorysLockHoldsUpTheNextOneForMomentsOnly) {
  TemporaryDirectory directory;
  TracedProgram program({kCountsOn}, {kExact});
  std::uint64_t rounds = NumberIn(program.ReadLine());
  const int lock = open(directory.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  const pid_t reader = StartReader(program, directory.File("heap.pb.gz"));
  EXPECT_TRUE(GoesOn(program, &rounds));
  int status = -1;
  waitpid(reader, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "it does not wait for ever";
  close(lock);
}

// A companion that stops itself as soon as it runs.
std::string StoppedCompanion(const TemporaryDirectory& directory) {
  const std::string path = directory.File("stopped");
  std::ofstream(path) << "#!/bin/sh\necho $$ >> " + directory.File("pids") + "\nkill -STOP $$\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return "LIMPET_COMPANION=" + path;
}

void KillCompanions(const TemporaryDirectory& directory) {
  std::ifstream pids(directory.File("pids"));
  for (pid_t pid = 0; pids >> pid;) kill(pid, SIGKILL);
}

TEST(StuckReader, ThatASignalStartedHoldsUpNobody) {
  TemporaryDirectory directory;
  TracedProgram program({kCountsOn}, {kExact, StoppedCompanion(directory)});
  std::uint64_t rounds = NumberIn(program.ReadLine());
  for (int i = 0; i < 6; ++i) {
    kill(program.pid(), SIGUSR1);
    EXPECT_TRUE(GoesOn(program, &rounds)) << "companion " << i;
  }
  EXPECT_GT(CounterOf(program.Read(), "companions_started"), 0u);
  KillCompanions(directory);
}

// The reader of a dump goes away: the dump ends, and nothing else.
TEST(CutOffReader, EndsTheDumpAlone) {
  TracedProgram program({kCountsOn}, {kExact});
  std::uint64_t rounds = NumberIn(program.ReadLine());
  const std::string dump = std::string("exec timeout 30 ") + LIMPET_COMPANION + " dump " +
                           std::to_string(program.pid()) + " -p heap -f text -o -";
  const CommandOutput output = RunProgram(
      {"/bin/sh", "-c", "trap '' PIPE; (sleep 0.1; " + dump + "; echo status $? >&2) | true"},
      {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(output.error.find("status 124"), std::string::npos) << "it hangs";
  EXPECT_TRUE(GoesOn(program, &rounds));
}

TEST(InterruptedProgram, WritesWholeProfiles) {
  TemporaryDirectory directory;
  TracedProgram program({kCountsOn, "signals"}, {kExact, "LIMPET_DIR=" + directory.path()});
  std::uint64_t rounds = NumberIn(program.ReadLine());
  for (std::size_t i = 1; i <= 5; ++i) {
    kill(program.pid(), SIGUSR1);
    const std::vector<std::string> files = WaitForDumps(directory.path(), 2 * i);
    ASSERT_EQ(files.size(), 2 * i);
    EXPECT_EQ(TotalsOfDump(files.back(), "KeptBlocks"), kKept);
    EXPECT_TRUE(GoesOn(program, &rounds));
  }
}

}  // namespace
}  // namespace limpet
