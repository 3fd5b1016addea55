// The dump signal writes profiles and leaves no trace in the program; whoever wants it for himself
// has it.

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kProgram[] = LIMPET_PROGRAMS "/dump_signal";
constexpr char kLeaderless[] = LIMPET_PROGRAMS "/leaderless";
constexpr int kMaxHandlerStackBytes = 1280;

std::string DirectorySetting(const TemporaryDirectory& directory) {
  return "LIMPET_DIR=" + directory.path();
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// What `limpet ps --json` says of the program.
nlohmann::json EntryInPs(const TracedProgram& program) {
  CommandOutput ps = RunProgram({LIMPET_COMPANION, "ps", "--json"},
                                {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(ps.exit_code, 0) << ps.error;
  nlohmann::json list = nlohmann::json::parse(ps.out, nullptr, false);
  for (const auto& process : list.value("processes", nlohmann::json::array())) {
    if (process["pid"] == program.pid()) return process;
  }
  return {{"dump_signal", "not listed"}};
}

std::string SignalInPs(const TracedProgram& program) {
  return EntryInPs(program).value("dump_signal", "");
}

TEST(DumpSignal, WritesProfilesAndTheProgramSeesNothing) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, "twice"}, {kExact, DirectorySetting(directory)});
  const SiteTotals expected = {10, 1000, 10, 1000};
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(program.ReadLine(), i < 3 ? "raised" : "waiting");
    if (i == 3) kill(program.pid(), SIGUSR1);
    std::vector<std::string> files =
        WaitForDumps(directory.path(), 2 * static_cast<std::size_t>(i));
    ASSERT_EQ(files.size(), 2u * static_cast<unsigned>(i));
    std::string number = "." + std::to_string(i) + ".";
    EXPECT_EQ(NameOf(files[files.size() - 2]).find(number + "allocs.pb.gz"),
              NameOf(files.back()).find(number + "heap.pb.gz"));
    EXPECT_EQ(TotalsOfDump(files.back(), "SignalledAllocates"), expected);
    EXPECT_EQ(TotalsOf(program.Read(), "heap", "SignalledAllocates"), expected);
    EXPECT_EQ(CounterOf(program.Read(), "signals_received"), static_cast<unsigned>(i));
    ExpectNothingLost(program.Read());
    program.Continue();
  }
  EXPECT_EQ(program.Finish(), 0);
}

// The dump has just been started when the program ends.
TEST(DumpSignal, IsAnsweredAlthoughTheProgramEndsAtOnce) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, "end"}, {kExact, DirectorySetting(directory)});
  EXPECT_EQ(program.ReadLine(), "") << "the end";
  const std::vector<std::string> files = WaitForDumps(directory.path(), 2);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(TotalsOfDump(files.back(), "SignalledAllocates"), (SiteTotals{10, 1000, 10, 1000}));
  EXPECT_TRUE(program.LeavesNoSegment()) << "by the dump, as the program would have";
}

// A companion that takes its time, so that all signals find it at work.
std::string SlowCompanion(const TemporaryDirectory& directory) {
  const std::string path = directory.path() + "/slow";
  std::ofstream(path) << "#!/bin/sh\nexec /bin/sleep 5\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return "LIMPET_COMPANION=" + path;
}

TEST(DumpSignal, ThatComesFiftyTimesInAMomentDoesNotStartFiftyCompanions) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, "often"}, {kExact, SlowCompanion(directory)});
  ASSERT_EQ(program.ReadLine(), "raised");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(CounterOf(snapshot, "signals_received"), 50u);
  EXPECT_EQ(CounterOf(snapshot, "companions_started"), 4u) << "more wait for nobody";
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// A container's first process often reaps nobody: what ended stays there, and is no longer at work.
TEST(DumpSignal, IsAnsweredWhereNobodyReapsTheDead) {
  const std::vector<std::string> unshare = {"/usr/bin/unshare", "--pid",   "--fork", "--kill-child",
                                            "--mount-proc",     "/bin/sh", "-c"};
  auto in_namespace = [&](const std::string& script) {
    std::vector<std::string> command = unshare;
    command.push_back(script);
    return command;
  };
  if (RunProgram(in_namespace("true")).exit_code != 0)
    GTEST_SKIP() << "no right to make namespaces";
  TemporaryDirectory directory;
  const std::string program_in_background = LIMPET_PROGRAMS "/counts_on dumps <&3 & ";
  TracedProgram program(
      in_namespace("exec 3<&0; " + program_in_background + "LD_PRELOAD= exec sleep 60 >&2 3<&-"),
      {"LIMPET_SAMPLE_BYTES=16KiB", DirectorySetting(directory)});
  for (std::size_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(program.ReadLine().starts_with("rounds"));
    EXPECT_EQ(ListDumps(directory.path()).size(), 2 * (i - 1));
    program.Continue();
    ASSERT_EQ(WaitForDumps(directory.path(), 2 * i).size(), 2 * i);
  }
  kill(program.pid(), SIGKILL);
}

// The program chose the size of its signal stack for its own handlers.
TEST(DumpSignal, NeedsLittleOfTheSignalStack) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, "stack"}, {SlowCompanion(directory)});
  std::string line = program.ReadLine();
  int first = 0, second = 0;
  ASSERT_EQ(sscanf(line.c_str(), "deep %d %d", &first, &second), 2) << line;
  EXPECT_GT(first, second) << "the segment was made by the first";
  EXPECT_LE(first, kMaxHandlerStackBytes);
  EXPECT_EQ(CounterOf(program.Read(), "signals_received"), 2u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// The kernel calls the process a zombie, and has taken the memory and files from its own folder.
TEST(DumpSignal, IsServedWhereTheMainThreadHasEnded) {
  TemporaryDirectory directory;
  TracedProgram program({kLeaderless}, {kExact, DirectorySetting(directory)});
  ASSERT_EQ(program.ReadLine(), "alone");
  EXPECT_EQ(SignalInPs(program), "SIGUSR1 dumps");
  EXPECT_EQ(EntryInPs(program)["state"], "running");
  EXPECT_EQ(EntryInPs(program)["executable"], kLeaderless);
  kill(program.pid(), SIGUSR1);
  ASSERT_EQ(WaitForDumps(directory.path(), 2).size(), 2u);
  EXPECT_EQ(TotalsOfDump(ListDumps(directory.path()).back(), "LeaderlessAllocates"),
            (SiteTotals{10, 1000, 10, 1000}));
  program.Continue();
  EXPECT_EQ(program.Finish(), 3);
  EXPECT_TRUE(program.LeavesNoSegment());
}

class ProgramThatTakesTheSignal : public testing::TestWithParam<const char*> {};

TEST_P(ProgramThatTakesTheSignal, HasIt) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, GetParam()}, {kExact, DirectorySetting(directory)});
  ASSERT_EQ(program.ReadLine(), "ready");
  kill(program.pid(), SIGUSR1);
  ASSERT_EQ(program.ReadLine(), "mine");
  EXPECT_NE(SignalInPs(program).find("program"), std::string::npos) << SignalInPs(program);
  EXPECT_EQ(CounterOf(program.Read(), "signals_received"), 0u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(ListDumps(directory.path()).empty());
}

TEST_P(ProgramThatTakesTheSignal, MayHaveAnotherOneForDumps) {
  TemporaryDirectory directory;
  TracedProgram program({kProgram, GetParam()},
                        {kExact, DirectorySetting(directory), "LIMPET_SIGNAL=RTMIN+3"});
  ASSERT_EQ(program.ReadLine(), "ready");
  kill(program.pid(), SIGUSR1);
  ASSERT_EQ(program.ReadLine(), "mine");
  EXPECT_TRUE(ListDumps(directory.path()).empty());
  kill(program.pid(), SIGRTMIN + 3);
  EXPECT_EQ(WaitForDumps(directory.path(), 2).size(), 2u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, ProgramThatTakesTheSignal,
                         testing::Values("sigaction", "signal", "sigwait", "signalfd",
                                         "sigwaitinfo", "sigtimedwait", "sigset", "ppoll",
                                         "pselect"));

TEST(DumpSignal, ThatIsIgnoredAtStartStaysIgnored) {
  TemporaryDirectory directory;
  std::string command = std::string("trap '' USR1; exec ") + kProgram + " ignored";
  TracedProgram program({"/bin/sh", "-c", command}, {kExact, DirectorySetting(directory)});
  ASSERT_EQ(program.ReadLine(), "ready");
  ASSERT_EQ(program.ReadLine(), "mine");
  kill(program.pid(), SIGUSR1);
  EXPECT_NE(SignalInPs(program).find("ignored"), std::string::npos) << SignalInPs(program);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  EXPECT_TRUE(ListDumps(directory.path()).empty());
}

TEST(Errno, IsKeptByEveryHookOnItsSlowPath) {
  TracedProgram program({LIMPET_PROGRAMS "/errno_keeper"}, {kExact});
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Errno, IsKeptWhenThereCanBeNoSegment) {
  TracedProgram program(
      {"/usr/bin/env", "LIMPET_RUNTIME_DIR=/proc/none", LIMPET_PROGRAMS "/errno_keeper"}, {kExact});
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
