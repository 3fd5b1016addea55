// Threads that run say where they are; nobody else notices that they were asked.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"

namespace limpet {
namespace {

using Json = nlohmann::json;

constexpr char kRunningThreads[] = LIMPET_PROGRAMS "/running_threads";
constexpr int kPatience = 40;  // looks: on a machine at work a thread may not get its turn in time

std::string TextOf(const TracedProgram& program, const std::vector<std::string>& options) {
  std::vector<std::string> command = {LIMPET_COMPANION, "stacks", std::to_string(program.pid())};
  command.insert(command.end(), options.begin(), options.end());
  CommandOutput output = RunProgram(command, {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(output.exit_code, 0) << output.error;
  return output.out;
}

Json StackOf(const Json& dump, const std::string& name) {
  for (const Json& thread : dump["threads"]) {
    if (thread["name"] == name && thread.contains("stack")) {
      return dump["stacks"][thread["stack"].get<std::size_t>()];
    }
  }
  return Json::array();
}

Json LookAt(const TracedProgram& program) {
  return Json::parse(TextOf(program, {"--json"}), nullptr, false);
}

// Looks until the thread was on a CPU and had its turn.
Json StackOfRunning(const TracedProgram& program, const std::string& name) {
  for (int look = 0; look < kPatience; ++look) {
    Json stack = StackOf(LookAt(program), name);
    if (!stack.empty()) return stack;
  }
  return Json::array();
}

std::vector<std::string> NamesOf(const Json& stack) {
  std::vector<std::string> names;
  for (const Json& frame : stack) {
    const std::string name = frame["function"];
    names.push_back(name.substr(name.rfind("::") == std::string::npos ? 0 : name.rfind("::") + 2));
  }
  return names;
}

// To the first function of the program's own.
void ExpectComplete(const Json& stack) {
  ASSERT_GE(stack.size(), 2u);
  EXPECT_EQ(NamesOf(stack).back(), "Run");
}

std::string FieldOf(const std::string& process_folder, const std::string& key) {
  std::ifstream status(process_folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(key + ":", 0) == 0) return line.substr(line.rfind('\t') + 1);
  }
  return "";
}

std::string Field(const TracedProgram& program, const std::string& key) {
  return FieldOf("/proc/" + std::to_string(program.pid()), key);
}

// Signals that are sent to a thread wait in a queue of its own.
std::uint64_t PendingInThreads(const TracedProgram& program) {
  std::uint64_t pending = 0;
  const std::string tasks = "/proc/" + std::to_string(program.pid()) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks))
    pending |= strtoull(FieldOf(task.path(), "SigPnd").c_str(), nullptr, 16);
  return pending;
}

bool Catches(const TracedProgram& program, int signal) {
  const std::uint64_t caught = strtoull(Field(program, "SigCgt").c_str(), nullptr, 16);
  return (caught >> (signal - 1) & 1) != 0;
}

TEST(RunningThreads, SayWhereTheyAre) {
  TracedProgram program({kRunningThreads, "spin"}, {});
  const std::uint64_t line = NumberIn(program.ReadLine());
  program.WaitUntilReady();
  const Json first = StackOfRunning(program, "first");
  ExpectComplete(first);
  EXPECT_EQ(NamesOf(first)[0], "SpinFirst");
  EXPECT_EQ(first[0]["line"], line);
  const Json second = StackOfRunning(program, "second");
  ExpectComplete(second);
  EXPECT_EQ(NamesOf(second)[0], "SpinSecond");
}

TEST(LockedThreads, NameWhoTookTheLockAfterTheyBeganToWait) {
  TracedProgram program({LIMPET_PROGRAMS "/lock_handover"}, {});
  program.WaitUntilReady();
  const Json dump = LookAt(program);
  const auto named = [&dump](const std::string& name) {
    return *std::find_if(dump["threads"].begin(), dump["threads"].end(),
                         [&name](const Json& thread) { return thread["name"] == name; });
  };
  EXPECT_EQ(named("waiter")["owner"], named("taker")["number"]);
  EXPECT_EQ(named("waiter")["owner_has_ended"], false);
}

TEST(RunningThreads, ThatBlockTheSignalAreLeftAlone) {
  TracedProgram program({kRunningThreads, "spin"}, {});
  program.ReadLine();
  program.WaitUntilReady();
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(StackOf(LookAt(program), "unasked").empty());
  EXPECT_EQ(PendingInThreads(program), 0u);
  EXPECT_NE(TextOf(program, {"--go"}).find("[stack of a running thread]"), std::string::npos);
}

TEST(RunningThreads, AreFollowedOutOfAHandlerOnAnotherStack) {
  TracedProgram program({kRunningThreads, "handled"}, {});
  program.WaitUntilReady();
  const Json stack = StackOfRunning(program, "handled");
  ExpectComplete(stack);
  const std::vector<std::string> names = NamesOf(stack);
  EXPECT_EQ(names[0], "SpinInHandler");
  EXPECT_NE(std::find(names.begin(), names.end(), "SpinHandled"), names.end());
}

TEST(RunningThreads, AreFollowedFromTheEndOfAFunction) {
  TracedProgram program({kRunningThreads, "ends"}, {});
  program.WaitUntilReady();
  const Json stack = StackOfRunning(program, "ends");
  ExpectComplete(stack);
  EXPECT_EQ(NamesOf(stack)[0], "SpinBehindItsFrame");
  EXPECT_EQ(NamesOf(stack)[1], "CallSpin");
}

TEST(RunningThreads, WithoutRoomForAWalkGoOn) {
  TracedProgram program({kRunningThreads, "tight"}, {});
  program.WaitUntilReady();
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(StackOf(LookAt(program), "tight").empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(RunningThreads, MayBeInsideOfUs) {
  TracedProgram program({kRunningThreads, "allocates"}, {kExact});
  program.WaitUntilReady();
  int answers = 0;
  for (int look = 0; look < 20 || (answers == 0 && look < kPatience); ++look) {
    const Json stack = StackOf(LookAt(program), "allocates");
    if (stack.empty()) continue;
    ++answers;
    const std::vector<std::string> names = NamesOf(stack);
    EXPECT_NE(std::find(names.begin(), names.end(), "SpinAllocating"), names.end());
  }
  EXPECT_GT(answers, 0);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(RunningThreads, AreAskedWithoutDisturbingThoseThatWait) {
  TracedProgram program({kRunningThreads, "blocked"}, {});
  program.WaitUntilReady();
  const int looks = std::stoi(Repeats(30, 200));
  int answers = 0;
  for (int look = 0; look < looks; ++look)
    answers += StackOf(LookAt(program), "first").empty() ? 0 : 1;
  EXPECT_GT(answers, 0);
  program.Continue();
  EXPECT_EQ(program.ReadLine(), "disturbed 0");
  EXPECT_EQ(program.Finish(), 0);
}

TEST(RunningThreads, AreNotAskedWhereTheProgramHasTheSignal) {
  TracedProgram program({kRunningThreads, "own"}, {});
  program.WaitUntilReady();
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(StackOf(LookAt(program), "first").empty());
  program.Continue();
  EXPECT_EQ(program.ReadLine(), "own 2");
  EXPECT_EQ(program.ReadLine(), "foreign 0");
  EXPECT_EQ(program.Finish(), 0);
}

class SignalThatIsNotOurs : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(SignalThatIsNotOurs, IsNotSent) {
  const auto [mode, setting] = GetParam();
  TracedProgram program({kRunningThreads, mode}, {setting});
  if (std::string(mode) == "spin") program.ReadLine();
  program.WaitUntilReady();
  EXPECT_FALSE(Catches(program, SIGURG));
  EXPECT_TRUE(StackOf(LookAt(program), "first").empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, SignalThatIsNotOurs,
                         testing::Values(std::pair("ignored", kExact), std::pair("owner", kExact),
                                         std::pair("old_owner", kExact),
                                         std::pair("spin", "LIMPET_RUNNING=0")));

TEST(RunningThreads, AreNotAskedWhereTheSignalAsksForDumps) {
  TracedProgram program({kRunningThreads, "spin"}, {"LIMPET_SIGNAL=URG"});
  program.ReadLine();
  program.WaitUntilReady();
  for (int look = 0; look < 5; ++look) EXPECT_TRUE(StackOf(LookAt(program), "first").empty());
  EXPECT_EQ(CounterOf(program.Read(), "signals_received"), 0u);
}

TEST(RunningThreads, SeeTheDefaultActionAndNoForgedQuestion) {
  TracedProgram program({kRunningThreads, "looks"}, {});
  program.WaitUntilReady();
  EXPECT_TRUE(Catches(program, SIGURG));
  EXPECT_FALSE(StackOfRunning(program, "first").empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(RunningThreads, LeaveNothingBehindAnExec) {
  TracedProgram program({kRunningThreads, "exec"}, {});
  program.WaitUntilReady();
  EXPECT_TRUE(Catches(program, SIGURG));
  program.Continue();
  for (int tries = 0; tries < 500 && Field(program, "Name") != "sleep"; ++tries) usleep(10'000);
  EXPECT_FALSE(Catches(program, SIGURG));
  EXPECT_EQ(kill(program.pid(), SIGURG), 0);
  usleep(50'000);
  EXPECT_EQ(Field(program, "Name"), "sleep");
  kill(program.pid(), SIGKILL);
}

}  // namespace
}  // namespace limpet
