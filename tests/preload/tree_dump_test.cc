// `limpet dump --tree`: one profile of a master and its workers, in which each has its own share.

#include <gmock/gmock.h>
#include <signal.h>

#include <fstream>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr SiteTotals kOfWorker[] = {
    {10, 1000, 10, 1000}, {20, 2000, 20, 2000}, {30, 3000, 30, 3000}};

class TreeDump : public testing::Test {
 protected:
  void SetUp() override {
    for (std::uint64_t& worker : workers_) {
      worker = NumberIn(program_.ReadLine());
      program_.Continue();
    }
    program_.WaitUntilReady();
  }
  void TearDown() override {
    if (have_ended_) return;
    for (std::uint64_t worker : workers_) kill(static_cast<pid_t>(worker), SIGKILL);
  }

  void Kill(std::uint64_t pid) {
    kill(static_cast<pid_t>(pid), SIGKILL);
    std::string state;
    for (int turn = 0; turn < 1000 && state != "Z" && state != "gone"; ++turn) {
      usleep(1000);
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      if (!(stat >> state >> state >> state)) state = "gone";
    }
  }

  CommandOutput Dump(std::uint64_t root, const std::vector<std::string>& options = {}) {
    std::vector<std::string> command = {LIMPET_COMPANION, "dump", "--tree", std::to_string(root)};
    command.insert(command.end(), options.begin(), options.end());
    return RunProgram(command, {"LIMPET_RUNTIME_DIR=" + program_.runtime_directory()});
  }

  void ExpectWorkers(const std::string& path) {
    const std::map<std::int64_t, SiteTotals> totals = TotalsByPid(path, "WorkerAllocates");
    EXPECT_EQ(totals.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      const auto worker = totals.find(static_cast<std::int64_t>(workers_[i]));
      ASSERT_NE(worker, totals.end());
      EXPECT_EQ(worker->second, kOfWorker[i]);
    }
    EXPECT_EQ(TotalsOfDump(path, "WorkerAllocates"), (SiteTotals{60, 6000, 60, 6000}));
    EXPECT_EQ(TotalsOfDump(path, "MasterAllocates"), (SiteTotals{1, 5000, 1, 5000}));
  }

  TemporaryDirectory directory_;
  TracedProgram program_{{LIMPET_PROGRAMS "/workers"},
                         {kExact, "LIMPET_DIR=" + directory_.File("dumps")}};
  std::uint64_t workers_[3] = {};
  std::uint64_t master_ = static_cast<std::uint64_t>(program_.pid());
  bool have_ended_ = false;  // by themselves, all of them
};

TEST_F(TreeDump, GivesEachProcessItsShare) {
  const CommandOutput output = Dump(master_);
  EXPECT_EQ(output.exit_code, 0) << output.error;
  EXPECT_THAT(output.error, Not(HasSubstr("left out")));
  const std::vector<std::string> files = ListDumps(directory_.path());
  ASSERT_EQ(files.size(), 2u);
  EXPECT_THAT(files[0], ContainsRegex("dumps/workers\\." + std::to_string(master_) +
                                      "-[0-9]+/[0-9TZ]+\\.000001\\.tree-allocs\\.pb\\.gz"));
  EXPECT_THAT(files[1], HasSubstr(".000001.tree-heap.pb.gz"));
  for (const std::string& file : files) ExpectWorkers(file);
  program_.Continue();
  EXPECT_EQ(program_.Finish(), 0);
  have_ended_ = true;
}

TEST_F(TreeDump, BelongsToTheProcessThatItBeginsWith) {
  const std::string file = directory_.File("one.pb.gz");
  EXPECT_EQ(Dump(workers_[1], {"-p", "heap", "-o", file}).exit_code, 0);
  EXPECT_EQ(TotalsOfDump(file, "WorkerAllocates"), kOfWorker[1]);
  EXPECT_EQ(TotalsOfDump(file, "MasterAllocates"), SiteTotals{});
}

TEST_F(TreeDump, HasThoseThatWereKilled) {
  Kill(workers_[0]);
  const std::string file = directory_.File("killed.pb.gz");
  EXPECT_EQ(Dump(master_, {"-p", "heap", "-o", file}).exit_code, 0);
  ExpectWorkers(file);
}

TEST_F(TreeDump, FindsOrphansByTheMasterThatWasKilled) {
  Kill(master_);
  EXPECT_EQ(program_.Finish(), 128 + SIGKILL);
  const std::string file = directory_.File("orphans.pb.gz");
  EXPECT_EQ(Dump(master_, {"-p", "heap", "-o", file}).exit_code, 0);
  ExpectWorkers(file);
}

TEST_F(TreeDump, AddsUpEqualStacksInText) {
  const CommandOutput text = Dump(master_, {"-p", "heap", "-f", "text", "-o", "-"});
  EXPECT_EQ(text.exit_code, 0) << text.error;
  EXPECT_THAT(text.out, ContainsRegex("\n60: 6000 \\[60: 6000\\] @ 0x"));
  EXPECT_THAT(text.out, HasSubstr("\n# 3 processes, pid: " + std::to_string(workers_[2]) +
                                  " 2.9 KiB, " + std::to_string(workers_[1]) + " 2.0 KiB, " +
                                  std::to_string(workers_[0]) + " 1000 B\n"));
  EXPECT_THAT(text.out, HasSubstr("# limpet: heap of workers (pid " + std::to_string(master_) +
                                  ") and its descendants: 4 processes\n"));
  EXPECT_THAT(text.out, HasSubstr("# pid " + std::to_string(workers_[2]) +
                                  " (workers): in use 2.9 KiB; allocated 2.9 KiB; "));
}

TEST_F(TreeDump, AddsUpEqualStacksBelowTheirProgram) {
  const CommandOutput text = Dump(master_, {"-p", "heap", "-f", "collapsed", "-o", "-"});
  EXPECT_THAT(text.out, ContainsRegex("(^|\n)workers;.*WorkerAllocates[^;]* 6000\n"));
}

TEST_F(TreeDump, NamesWhatIsNotTracedAndShowsTheRest) {
  const CommandOutput output =
      Dump(static_cast<std::uint64_t>(getpid()), {"-p", "heap", "-f", "text", "-o", "-"});
  EXPECT_EQ(output.exit_code, 0) << output.error;
  const std::string line =
      "left out (not traced): " + std::to_string(getpid()) + " (tree_dump_test)\n";
  EXPECT_THAT(output.error, HasSubstr("limpet: " + line));
  EXPECT_THAT(output.out, HasSubstr("# " + line));
  EXPECT_THAT(output.out, ContainsRegex("\n60: 6000 "));
}

TEST_F(TreeDump, IsReadByGoPprofByPid) {
  if (!IsOnPath("go")) GTEST_SKIP() << "go is not on the PATH";
  const std::string file = directory_.File("go.pb.gz");
  ASSERT_EQ(Dump(master_, {"-p", "heap", "-o", file}).exit_code, 0);
  const auto run = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> command = {"go", "tool", "pprof"};
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back(file);
    const CommandOutput output = RunProgram(command, {"PPROF_TMPDIR=" + directory_.path()});
    EXPECT_EQ(output.exit_code, 0) << output.error;
    return output.out;
  };
  const std::string pid = std::to_string(workers_[1]);
  EXPECT_THAT(run({"-tags"}), ContainsRegex(" 1.95kB \\([0-9. ]+%\\): " + pid + "\n"));
  EXPECT_THAT(run({"-top", "-cum", "-tagroot=pid"}), ContainsRegex(" [0-9. ]+%  " + pid + "\n"));
  EXPECT_THAT(run({"-top", "-tagfocus=pid=" + pid}), HasSubstr("accounting for 1.95kB, "));
  EXPECT_THAT(run({"-top", "-tagroot=process"}), ContainsRegex("  workers\n"));
}

}  // namespace
}  // namespace limpet
