// The command as people call it: what it writes, what it says, how it ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/command_output.h"
#include "tests/support/segment_builder.h"
#include "tests/support/temporary_directory.h"
#include "tools/cli/commands.h"

namespace limpet {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

class Limpet : public ::testing::Test {
 protected:
  Limpet() {
    const std::uint32_t stack = builder_.AddStack({{0x1111}, {0x2222}});
    builder_.AddSite(stack, {.objects = 4, .bytes = 400});
    builder_.AddAllocation(stack, {.requested_bytes = 100, .weight = 2});
    builder_.ChangeHeader([this](SegmentHeader& header) {
      header.pid = kDeadPid;
      header.uid = geteuid();
      std::strcpy(header.dump_directory, dumps_.c_str());
    });
    builder_.WriteTo(segment_);
  }

  static CommandOutput Run(std::vector<std::string> arguments,
                           const std::vector<std::string>& environment = {}) {
    arguments.insert(arguments.begin(), LIMPET_BINARY);
    return RunProgram(arguments, environment);
  }

  std::vector<std::string> FilesBelow(const std::string& path) const {
    std::vector<std::string> files;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
      const bool is_file = entry.is_regular_file() && !entry.is_symlink();
      if (is_file) files.push_back(entry.path().lexically_relative(path));
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  static constexpr std::uint32_t kDeadPid = 4'194'305;  // more than Linux ever gives

  TemporaryDirectory directory_;
  std::string segment_ = directory_.File("4194305-987654.segment");
  std::string dumps_ = directory_.File("dumps");
  std::string runtime_ = "LIMPET_RUNTIME_DIR=" + directory_.path();
  SegmentBuilder builder_;
};

TEST_F(Limpet, DumpsASegmentIntoTheDirectoryThatItNames) {
  const CommandOutput first = Run({"dump", segment_});
  EXPECT_EQ(first.exit_code, kExitOk) << first.error;
  EXPECT_THAT(first.out, IsEmpty());
  EXPECT_THAT(first.error, HasSubstr("wrote " + dumps_));
  EXPECT_THAT(first.error, HasSubstr("next:  go tool pprof -top " + dumps_));
  EXPECT_EQ(Run({"dump", segment_, "-p", "heap"}).exit_code, kExitOk);
  EXPECT_THAT(FilesBelow(dumps_),
              ElementsAre(MatchesRegex("app.4194305-987654/2.*Z.000001.allocs.pb.gz"),
                          MatchesRegex("app.4194305-987654/2.*Z.000001.heap.pb.gz"),
                          MatchesRegex("app.4194305-987654/2.*Z.000002.heap.pb.gz"),
                          "app.4194305-987654/meta.json"));
}

TEST_F(Limpet, SaysWhatItDumpedAndWhereTheNewestIs) {
  EXPECT_EQ(Run({"dump", segment_, "--reason", "interval"}).exit_code, kExitOk);
  EXPECT_EQ(Run({"dump", segment_}).exit_code, kExitOk);
  std::ifstream file(dumps_ + "/latest/meta.json");
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["pid"], kDeadPid);
  EXPECT_EQ(json["state"], "dead");
  EXPECT_EQ(json["command_line"], (std::vector<std::string>{"app", "--serve"}));
  EXPECT_EQ(json["dumps"][0]["reason"], "interval");
  EXPECT_EQ(json["dumps"][1]["reason"], "demand");
  EXPECT_EQ(json["dumps"][1]["in_use_bytes"], 200);
  EXPECT_EQ(json["dumps"][1]["allocated_bytes"], 400);
  EXPECT_THAT(json["dumps"][1]["profiles"],
              ElementsAre(MatchesRegex("2.*allocs.pb.gz"), MatchesRegex("2.*heap.pb.gz")));
  EXPECT_THAT(std::filesystem::read_symlink(dumps_ + "/latest/latest.heap.pb.gz").string(),
              MatchesRegex("2.*Z.000002.heap.pb.gz"));
}

TEST_F(Limpet, KeepsSoManyDumpsAsTheProcessAskedFor) {
  builder_.ChangeHeader([this](SegmentHeader& header) {
    header.pid = kDeadPid;
    std::strcpy(header.dump_directory, dumps_.c_str());
    header.watch_settings.max_dumps = 2;
  });
  builder_.WriteTo(segment_);
  for (int dump = 0; dump < 4; ++dump) Run({"dump", segment_, "-p", "heap"});
  EXPECT_THAT(FilesBelow(dumps_),
              ElementsAre(MatchesRegex("app.*000001.heap.pb.gz"),
                          MatchesRegex("app.*000004.heap.pb.gz"), MatchesRegex("app.*meta.json")));
}

TEST_F(Limpet, CopiesASegmentAndDumpsTheCopyLater) {
  const CommandOutput raw = Run({"dump", segment_, "-f", "raw", "--reason", "cgroup"});
  EXPECT_EQ(raw.exit_code, kExitOk) << raw.error;
  std::filesystem::remove(segment_);
  const std::vector<std::string> files = FilesBelow(dumps_);
  ASSERT_THAT(files, ElementsAre(MatchesRegex("app.*/2.*Z.000001.segment"),
                                 MatchesRegex("app.*/meta.json")));
  const CommandOutput copy = Run({"dump", dumps_ + "/" + files[0], "-p", "heap"});
  EXPECT_EQ(copy.exit_code, kExitOk) << copy.error;
  std::string heap = files[0];
  heap.replace(heap.rfind("segment"), std::string::npos, "heap.pb.gz");
  EXPECT_THAT(FilesBelow(dumps_), ElementsAre(heap, files[0], MatchesRegex("app.*/meta.json")));
  std::ifstream file(dumps_ + "/latest/meta.json");
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["dumps"].size(), 1U);
  EXPECT_EQ(json["dumps"][0]["reason"], "cgroup");
  EXPECT_EQ(json["dumps"][0]["in_use_bytes"], 200);
}

TEST_F(Limpet, WritesProfilesOfACopyBesideIt) {
  const std::string copy = directory_.File("copied");
  std::filesystem::rename(segment_, copy);
  EXPECT_EQ(Run({"dump", copy, "-p", "heap"}).exit_code, kExitOk);
  EXPECT_THAT(FilesBelow(directory_.path()),
              ElementsAre(MatchesRegex("2.*Z.000001.heap.pb.gz"), "copied"));
}

TEST_F(Limpet, FindsTheNewestSegmentOfADeadProcess) {
  builder_.WriteTo(directory_.File("4194305-3.segment"));
  const CommandOutput text =
      Run({"dump", "4194305", "-p", "heap", "-f", "text", "-o", "-"}, {runtime_});
  EXPECT_EQ(text.exit_code, kExitOk) << text.error;
  EXPECT_THAT(text.out, HasSubstr("heap profile: 2: 200 [4: 400] @ heap/2\n"));
  EXPECT_THAT(text.out, HasSubstr("0x1111 0x2222\n"));
  EXPECT_THAT(text.error, IsEmpty());
}

TEST_F(Limpet, WritesWhereThePatternSays) {
  const std::string pattern = directory_.File("new/%e-%P.%n.pb.gz");
  EXPECT_EQ(Run({"dump", segment_, "-p", "heap,allocs", "-o", pattern}).exit_code, kExitOk);
  EXPECT_THAT(FilesBelow(directory_.File("new")),
              ElementsAre("app-allocs.000001.pb.gz", "app-heap.000001.pb.gz"));
}

TEST_F(Limpet, WritesCollapsedStacks) {
  const CommandOutput heap = Run({"dump", segment_, "-p", "heap", "-f", "collapsed", "-o", "-"});
  EXPECT_EQ(heap.out, "[jit]+0x2221;[jit]+0x1110 200\n");
  const CommandOutput allocs = Run({"dump", segment_, "-p", "allocs", "-fcollapsed", "-o-"});
  EXPECT_EQ(allocs.out, "[jit]+0x2221;[jit]+0x1110 400\n");
}

TEST_F(Limpet, EndsWithTwoWhenAskedWrongly) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"fly"},
      {"dump"},
      {"dump", segment_, "--wings"},
      {"dump", segment_, "-p", "contention"},
      {"dump", segment_, "-f", "svg"},
      {"dump", segment_, "-o", "-"},
      {"dump", segment_, "-f", "raw", "-o", "-"},
      {"dump", segment_, "-f", "raw", "-p", "heap"},
      {"dump", segment_, "-o", "one-name.pb.gz"},
      {"dump", segment_, "-o", "%P.%z"},
      {"dump", "--tree", segment_},
  };
  for (const std::vector<std::string>& arguments : wrong) {
    const CommandOutput output = Run(arguments);
    EXPECT_EQ(output.exit_code, kExitUsage) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(output.error.empty()) << ::testing::PrintToString(arguments);
  }
}

TEST_F(Limpet, EndsWithThreeWhenThereIsNothingToDump) {
  const CommandOutput none = Run({"dump", "4194304"}, {runtime_});
  EXPECT_EQ(none.exit_code, kExitNotTraced);
  EXPECT_THAT(none.error, HasSubstr("there is no process 4194304"));
  const CommandOutput untraced = Run({"dump", std::to_string(getpid())}, {runtime_});
  EXPECT_EQ(untraced.exit_code, kExitNotTraced);
  EXPECT_THAT(untraced.error, HasSubstr("limpet run -- COMMAND"));
  builder_.ChangeHeader([](SegmentHeader& header) { header.state = SegmentState::kBuilding; });
  builder_.WriteTo(segment_);
  EXPECT_EQ(Run({"dump", segment_}).exit_code, kExitNotTraced);
}

TEST_F(Limpet, SaysWhyATreeCannotBeShown) {
  const CommandOutput none = Run({"dump", "--tree", "4194304"}, {runtime_});
  EXPECT_EQ(none.exit_code, kExitNotTraced);
  EXPECT_THAT(none.error, HasSubstr("there is no process 4194304"));
  const CommandOutput shell =
      RunProgram({"sh", "-c", LIMPET_BINARY " dump --tree $$; exit $?"}, {runtime_});
  EXPECT_EQ(shell.exit_code, kExitNotTraced);
  EXPECT_THAT(shell.error, HasSubstr("is not traced: start it by `limpet run -- COMMAND`"));
  const CommandOutput several = RunProgram(
      {"sh", "-c", "sleep 60 & " LIMPET_BINARY " dump --tree $$; code=$?; kill $!; exit $code"},
      {runtime_});
  EXPECT_EQ(several.exit_code, kExitNotTraced);
  EXPECT_THAT(several.error, MatchesRegex("limpet: left out .not traced.: [0-9]+ .*sleep.*\n"
                                          "limpet: none of the 2 processes .*limpet run.*\n"));
}

TEST_F(Limpet, ShowsADeadTreeButForWhatIsDamaged) {
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.pid = kDeadPid + 1;
    header.parent_pid = kDeadPid;
    header.start_ticks = 987655;
    header.uid = geteuid();
  });
  builder_.WriteTo(directory_.File("4194306-987655.segment"));
  const CommandOutput text =
      Run({"dump", "--tree", "4194305", "-p", "heap", "-f", "text", "-o", "-"}, {runtime_});
  EXPECT_EQ(text.exit_code, kExitOk) << text.error;
  EXPECT_THAT(text.out, HasSubstr("heap profile: 4: 400 [8: 800] @ heap/2\n"));
  EXPECT_THAT(text.out, HasSubstr("# 2 processes, pid: 4194305 200 B, 4194306 200 B\n"));
  std::filesystem::resize_file(segment_, 4096);
  const CommandOutput damaged = Run({"dump", "--tree", "4194305"}, {runtime_});
  EXPECT_EQ(damaged.exit_code, kExitOk) << damaged.error;
  EXPECT_THAT(damaged.error, HasSubstr("left out ("));
}

TEST_F(Limpet, EndsWithFourOnBadData) {
  builder_.ChangeHeader([](SegmentHeader& header) { header.abi_version = kSegmentVersion + 1; });
  builder_.WriteTo(segment_);
  EXPECT_EQ(Run({"dump", segment_}).exit_code, kExitBadData);
  std::ofstream(segment_, std::ios::trunc) << std::string(9000, 'x');
  EXPECT_EQ(Run({"dump", segment_}).exit_code, kExitBadData);
}

TEST_F(Limpet, NamesTheDirectoryThatItMayNotWrite) {
  const CommandOutput output =
      Run({"dump", segment_, "-p", "heap", "-o", "/proc/limpet/heap.pb.gz"});
  EXPECT_NE(output.exit_code, kExitOk);
  EXPECT_THAT(output.error, HasSubstr("/proc/limpet"));
}

TEST_F(Limpet, DoesNotWriteWhereAnotherUsersSegmentSays) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can own a file of somebody else";
  std::filesystem::permissions(directory_.path(), std::filesystem::perms::all);
  ASSERT_EQ(chown(segment_.c_str(), 12345, 12345), 0);
  const CommandOutput output = RunProgram(
      {"sh", "-c", "cd " + directory_.path() + " && " + LIMPET_BINARY + " dump " + segment_});
  EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  EXPECT_THAT(FilesBelow(dumps_), IsEmpty());
  EXPECT_EQ(FilesBelow(directory_.File("limpet")).size(), 3U) << "two profiles, meta.json";
}

// Dead now, so that its user of then cannot be asked.
TEST_F(Limpet, DoesNotWriteWhereSomebodySaysWhoHadGivenUpOurRights) {
  constexpr auto kMark = static_cast<std::filesystem::perms>(kRightsGivenUpMode);
  std::filesystem::permissions(segment_, kMark, std::filesystem::perm_options::add);
  const CommandOutput output = RunProgram(
      {"sh", "-c", "cd " + directory_.path() + " && " + LIMPET_BINARY + " dump " + segment_});
  EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  EXPECT_THAT(FilesBelow(dumps_), IsEmpty());
  EXPECT_EQ(FilesBelow(directory_.File("limpet")).size(), 3U) << "two profiles, meta.json";
}

TEST_F(Limpet, LeavesItsReasonInTheDumpDirectoryWhenASignalStartedIt) {
  std::filesystem::create_directory(dumps_);
  std::ofstream(dumps_ + "/app.4194305-987654") << "a file where a folder must be";
  const CommandOutput output = Run({"dump", "--reason", "signal", segment_});
  EXPECT_NE(output.exit_code, kExitOk);
  std::ifstream log(dumps_ + "/limpet-errors.log");
  std::string line;
  ASSERT_TRUE(std::getline(log, line));
  EXPECT_THAT(line, HasSubstr("dump failed: cannot write into"));
}

TEST_F(Limpet, ListsTheDead) {
  const CommandOutput table = Run({"ps"}, {runtime_});
  EXPECT_EQ(table.exit_code, kExitOk);
  EXPECT_THAT(table.out, HasSubstr("PID  STATE"));
  EXPECT_THAT(table.out, HasSubstr("4194305  dead "));
  EXPECT_THAT(table.out, HasSubstr("200 B"));
}

TEST_F(Limpet, ListsTheUnreadableWithItsReason) {
  std::ofstream(directory_.File("7-7.segment")) << std::string(9000, 'x');
  const CommandOutput table = Run({"ps"}, {runtime_});
  EXPECT_EQ(table.exit_code, kExitOk);
  EXPECT_THAT(table.out, HasSubstr("unreadable"));
  EXPECT_THAT(table.out, HasSubstr("is no limpet segment"));
}

TEST_F(Limpet, ListsForPrograms) {
  builder_.ChangeHeader([](SegmentHeader& header) {
    header.pid = kDeadPid;
    header.counters.truncated_stacks = 3;
    std::strcpy(header.executable, "/bin/b\xFF\x01d");
  });
  builder_.WriteTo(segment_);
  const CommandOutput output = Run({"ps", "--json"}, {runtime_});
  EXPECT_EQ(output.exit_code, kExitOk);
  const nlohmann::json json = nlohmann::json::parse(output.out);
  nlohmann::json dead;
  for (const nlohmann::json& process : json["processes"]) {
    if (process["pid"] == kDeadPid) dead = process;
  }
  EXPECT_EQ(dead["state"], "dead");
  EXPECT_EQ(dead["in_use_bytes"], 200);
  EXPECT_EQ(dead["allocated_objects"], 4);
  EXPECT_EQ(dead["losses"]["truncated_stacks"], 3);
}

class Threads : public Limpet {
 protected:
  Threads() {
    const std::uint32_t wait = builder_.AddStack({{0x1111}, {0x2222}});
    const std::uint32_t creation = builder_.AddStack({{0x3333}});
    const std::uint64_t second = 1'000'000'000;
    builder_.AddThread({.thread_id = 1, .name = "app", .number = 1});
    for (const std::uint32_t number : {2U, 3U}) {
      builder_.AddThread({.thread_id = number,
                          .state = ThreadState::kParked,
                          .name = "worker",
                          .number = number,
                          .creator_number = 1,
                          .creation_stack = creation,
                          .reason = WaitReason::kMutex,
                          .object = 0x5000,
                          .since_ns = number * second,
                          .owner_thread_id = 1,
                          .stack = wait});
    }
    builder_.WriteTo(segment_);
  }
};

TEST_F(Threads, AreShownOfTheDeadToo) {
  const CommandOutput output = Run({"stacks", segment_});
  EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  EXPECT_THAT(output.out, HasSubstr("3 threads: 1 running, 2 waiting\n"));
  EXPECT_THAT(output.out, HasSubstr(": sync.Mutex.Lock, held by 1\n"
                                    "  threads 2-3 worker; on 0x5000\n"
                                    "      [jit]+0x1110\n"
                                    "      [jit]+0x2221\n"
                                    "  created by [jit]+0x3332, in thread 1\n"));
}

TEST_F(Threads, AreShownAsGoDoes) {
  const CommandOutput output = Run({"stacks", "--go", segment_});
  EXPECT_THAT(output.out, MatchesRegex("goroutine 1 .running.:\n(.|\n)*"
                                       "goroutine 2 .sync.Mutex.Lock .held by 1.(, .* minutes)?.:\n"
                                       ".jit.\\+0x1110.0x5000.\n(.|\n)*"
                                       "created by .jit.\\+0x3332 in goroutine 1\n(.|\n)*"));
  EXPECT_EQ(Run({"dump", segment_, "-p", "goroutine", "-f", "go2", "-o-"}).out, output.out);
  EXPECT_EQ(Run({"dump", segment_, "-f", "go2", "-o-"}).out, output.out);
  EXPECT_THAT(Run({"dump", segment_, "-p", "goroutine", "-f", "text", "-o-"}).out,
              HasSubstr("goroutine profile: total 3\n2 @ 0x1111 0x2222\n"
                        "# labels: {\"reason\":\"sync.Mutex.Lock\", \"state\":\"waiting\"}\n"));
  EXPECT_EQ(Run({"dump", segment_, "-p", "heap", "-f", "go2"}).exit_code, kExitUsage);
  EXPECT_EQ(Run({"dump", "--tree", "1", "-f", "go2"}).exit_code, kExitUsage);
}

TEST_F(Threads, AreShownToPrograms) {
  const CommandOutput output = Run({"stacks", "--json", segment_});
  const nlohmann::json json = nlohmann::json::parse(output.out);
  EXPECT_EQ(json["version"], 1);
  ASSERT_EQ(json["threads"].size(), 3U);
  const nlohmann::json& thread = json["threads"][1];
  EXPECT_EQ(thread["number"], 2);
  EXPECT_EQ(thread["reason"], "sync.Mutex.Lock");
  EXPECT_EQ(thread["object"], "0x5000");
  EXPECT_EQ(thread["owner"], 1);
  EXPECT_EQ(thread["creator"], 1);
  const auto stack = [&](const char* which) {
    return json["stacks"].at(thread[which].get<std::size_t>());
  };
  EXPECT_EQ(stack("stack").size(), 2U);
  EXPECT_EQ(stack("creation_stack")[0]["function"], "[jit]+0x3332");
  EXPECT_EQ(json["alive"], false);
}

TEST_F(Threads, ThatWaitTooShortAreLeftOut) {
  const auto numbers = [this](const char* blocked) {
    const CommandOutput output = Run({"stacks", "--json", "--blocked", blocked, segment_});
    EXPECT_EQ(output.exit_code, kExitOk) << output.error;
    std::vector<int> listed;
    const nlohmann::json json = nlohmann::json::parse(output.out);
    for (const auto& thread : json["threads"]) listed.push_back(thread["number"]);
    EXPECT_EQ(json["left_out"]["of_unknown_wait"], 1);
    return listed;
  };
  builder_.AddThread({.thread_id = 4, .state = ThreadState::kParked, .number = 4});
  builder_.WriteTo(segment_);
  EXPECT_THAT(numbers("1ms"), ElementsAre(2, 3));
  EXPECT_THAT(numbers("100000h"), IsEmpty());
  EXPECT_THAT(Run({"stacks", "--blocked", "1ms", segment_}).out,
              AllOf(HasSubstr("2 threads: 0 running, 2 waiting\n"),
                    HasSubstr("1 whose wait is of unknown length left out\n")));
  EXPECT_THAT(Run({"stacks", "--go", "--blocked", "1ms", segment_}).error,
              HasSubstr("1 whose wait is of unknown length left out\n"));
  EXPECT_EQ(Run({"stacks", "--blocked", "soon", segment_}).exit_code, kExitUsage);
}

TEST_F(Threads, OfACopyWaitedUntilItWasMade) {
  const std::string copy = directory_.File("copy");
  ASSERT_EQ(Run({"dump", segment_, "-f", "raw", "-o", copy}).exit_code, kExitOk);
  const std::string plain = directory_.File("plain");
  std::filesystem::copy_file(segment_, plain);
  const auto waits = [](const std::string& path) {
    const CommandOutput output = Run({"stacks", "--json", path});
    EXPECT_EQ(output.exit_code, kExitOk) << output.error;
    const nlohmann::json json = nlohmann::json::parse(output.out);
    return std::vector<std::uint64_t>{json["threads"][1]["waited_ns"],
                                      json["threads"][2]["waited_ns"]};
  };
  const std::vector<std::uint64_t> then = waits(copy);
  const auto later = std::filesystem::last_write_time(copy) + std::chrono::hours(24);
  for (const std::string& path : {copy, plain}) std::filesystem::last_write_time(path, later);
  EXPECT_EQ(waits(copy), then);
  EXPECT_THAT(waits(plain), ElementsAre(3'000'000'000, 2'000'000'000))
      << "nobody knows: up to the last that it tells of, which is its beginning";
}

TEST_F(Threads, AreDumpedBesideTheHeap) {
  EXPECT_EQ(Run({"dump", segment_}).exit_code, kExitOk);
  EXPECT_THAT(FilesBelow(dumps_), Contains(MatchesRegex(".*Z.000001.goroutine.pb.gz")));
}

#ifdef LIMPET_LIBRARY
// Starts `sleep` traced, so rarely sampled that a sample comes once in 10^8 runs, runs `script`
// while it lives with its PID in $pid, and ends it. The library is up once SIGUSR1 (bit 9 of
// SigCgt) is caught: that the library is mapped comes earlier, when the signal would still kill.
CommandOutput RunBesideSleeper(const std::string& script,
                               const std::vector<std::string>& environment) {
  const std::string start =
      "LIMPET_SAMPLE_BYTES=1099511627776 LD_PRELOAD=" LIMPET_LIBRARY
      " sleep 60 & pid=$!;"
      "until grep -q '^SigCgt:.*[2367abef]..$' /proc/$pid/status; do :; done;";
  return RunProgram({"sh", "-c", start + script + "; code=$?; kill $pid; exit $code"}, environment);
}

TEST_F(Limpet, GivesAnEmptyProfileOfAProcessThatSampledNothing) {
  const CommandOutput output =
      RunBesideSleeper(LIMPET_BINARY " dump $pid", {runtime_, "LIMPET_DIR=" + dumps_});
  EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  EXPECT_THAT(
      FilesBelow(dumps_),
      ElementsAre(MatchesRegex("sleep.*allocs.pb.gz"), MatchesRegex("sleep.*goroutine.pb.gz"),
                  MatchesRegex("sleep.*heap.pb.gz"), MatchesRegex("sleep.*meta.json")));
  const CommandOutput text = RunBesideSleeper(LIMPET_BINARY " dump $pid -p heap -f text -o -",
                                              {runtime_, "LIMPET_DIR=" + dumps_});
  EXPECT_THAT(text.out, HasSubstr("heap profile: 0: 0 [0: 1] @ heap/2\n"));
  EXPECT_THAT(text.out, HasSubstr("nothing sampled yet"));
}

TEST_F(Limpet, ListsAProcessThatSampledNothing) {
  const CommandOutput output =
      RunBesideSleeper(LIMPET_BINARY " ps | grep -A1 \"^ *$pid  running\"", {runtime_});
  EXPECT_EQ(output.exit_code, 0) << output.out;
}

TEST_F(Limpet, FindsARuntimeDirectoryThatOnlyTheTargetKnows) {
  const CommandOutput output = RunBesideSleeper(
      "unset LIMPET_RUNTIME_DIR; kill -USR1 $pid;"
      "until ls " +
          dumps_ +
          "/*/*wait.pb.gz; do grep -q limpet /proc/$pid/maps || exit 99; done; " LIMPET_BINARY
          " dump $pid -p heap",
      {runtime_, "LIMPET_DIR=" + dumps_});
  EXPECT_EQ(output.exit_code, kExitOk) << output.error;
  EXPECT_EQ(FilesBelow(dumps_).size(), 6U) << "four by the signal, one by the command, meta.json";
}
#endif

TEST_F(Limpet, HelpsOnOneScreen) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--help"}, {"dump", "--help"}, {"ps", "--help"}, {"run", "-h"}, {"doctor", "-h"}}) {
    const CommandOutput help = Run(arguments);
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_LE(std::count(help.out.begin(), help.out.end(), '\n'), 24) << help.out;
    EXPECT_EQ(help.out.find("runtime-dir"), std::string::npos);
  }
  EXPECT_THAT(Run({"--version"}).out, MatchesRegex("limpet [0-9.]+\n"));
}

}  // namespace
}  // namespace limpet
