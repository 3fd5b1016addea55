// What Go's own tool makes of our files. Skipped where there is no Go.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/command_output.h"
#include "tests/support/sample_profile.h"
#include "tests/support/sample_threads.h"
#include "tests/support/temporary_directory.h"
#include "tools/render/pprof_writer.h"
#include "tools/render/text_writer.h"

namespace limpet {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class GoPprof : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!IsOnPath("go")) GTEST_SKIP() << "go is not on the PATH";
  }

  CommandOutput Run(const std::string& bytes, const std::vector<std::string>& flags) {
    const std::string path = directory_.File("profile");
    std::ofstream(path, std::ios::binary) << bytes;
    std::vector<std::string> command = {"go", "tool", "pprof"};
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back(path);
    return RunProgram(command, {"PPROF_TMPDIR=" + directory_.path()});
  }

  TemporaryDirectory directory_;
};

TEST_F(GoPprof, ShowsOurProfileAndComplainsOfNothing) {
  const CommandOutput top = Run(WritePprof(SampleProfile()).value(), {"-top"});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_EQ(top.error, "");
  EXPECT_THAT(top.out, HasSubstr("File: app\n"));
  EXPECT_THAT(top.out, HasSubstr("Build ID: abcd\n"));
  EXPECT_THAT(top.out, HasSubstr("Type: inuse_space\n"));
  EXPECT_THAT(top.out, Not(HasSubstr("Duration")));
  EXPECT_THAT(top.out, HasSubstr("3kB, 100% of 3kB total"));
  EXPECT_THAT(top.out,
              ContainsRegex("2kB 66.67% 66.67%        2kB 66.67%  push\\(int\\) \\(inline\\)"));
  EXPECT_THAT(top.out, ContainsRegex("1kB 33.33%   100%        1kB 33.33%  libz.so.1.0x30"));
}

TEST_F(GoPprof, ReadsEveryFieldBack) {
  const CommandOutput raw = Run(WritePprof(SampleProfile()).value(), {"-raw"});
  EXPECT_EQ(raw.exit_code, 0) << raw.error;
  EXPECT_THAT(raw.out, HasSubstr("PeriodType: space bytes\nPeriod: 524288\n"));
  EXPECT_THAT(raw.out, HasSubstr("alloc_objects/count alloc_space/bytes inuse_objects/count "
                                 "inuse_space/bytes[dflt]"));
  EXPECT_THAT(raw.out, ContainsRegex("4 +4096 +2 +2048: 1 2 3"));
  EXPECT_THAT(raw.out, HasSubstr("0x401134 M=1 push(int) vector.h:12:0 s=10(_Z4pushi)"));
  EXPECT_THAT(raw.out, HasSubstr("1: 0x401000/0x409000/0x1000 /bin/app abcd [FN][FL][LN][IN]"));
}

TEST_F(GoPprof, LoadsAProfileWithoutASample) {
  Profile profile = SampleProfile();
  profile.samples.clear();
  const CommandOutput top = Run(WritePprof(profile).value(), {"-top"});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_THAT(top.out, HasSubstr("File: app\n"));
}

TEST_F(GoPprof, HidesAllocatorFramesByOurPattern) {
  Profile profile = SampleProfile();
  profile.functions[0].name = "operator new(unsigned long)";
  profile.locations[0].lines = {{0, 1}};
  const CommandOutput top = Run(WritePprof(profile).value(), {"-top"});
  EXPECT_THAT(top.out, Not(HasSubstr("operator new")));
  EXPECT_THAT(top.out, ContainsRegex("2kB 66.67% 66.67%        2kB 66.67%  serve"));
}

TEST_F(GoPprof, ReadsOurTextWithoutScalingItAgain) {
  const CommandOutput raw = Run(WriteText(SampleProfile()), {"-raw", "-symbolize=none"});
  EXPECT_EQ(raw.exit_code, 0) << raw.error;
  EXPECT_THAT(raw.out, HasSubstr("PeriodType: space bytes\nPeriod: 1\n"));
  EXPECT_THAT(raw.out, ContainsRegex("4 +4096 +2 +2048: 1 2 3"));
  EXPECT_THAT(raw.out, ContainsRegex("1 +1024 +1 +1024: 4"));
  EXPECT_THAT(raw.out, HasSubstr("0x401134"));
}

TEST_F(GoPprof, FindsProcessesByTheirPid) {
  Profile profile = SampleProfile();
  profile.label_sets = {{{{kProcessLabel, "app"}}, {{kPidLabel, {12, ""}}}},
                        {{{kProcessLabel, "app"}}, {{kPidLabel, {1234567, ""}}}}};
  profile.samples[0].labels = 0;
  profile.samples[1].labels = 1;
  const std::string bytes = WritePprof(profile).value();
  EXPECT_THAT(Run(bytes, {"-top", "-tagfocus=pid=12"}).out, HasSubstr("2kB, 66.67% of 3kB total"));
  EXPECT_THAT(Run(bytes, {"-top", "-tagignore=pid=12"}).out, HasSubstr("1kB, 33.33% of 3kB total"));
  EXPECT_THAT(Run(bytes, {"-tags"}).out, HasSubstr("1kB (33.33%): 1234567\n"));
  EXPECT_THAT(Run(bytes, {"-top", "-tagroot=process,pid"}).out,
              ContainsRegex("1kB 33.33%  1234567\n"));
}

TEST_F(GoPprof, ShowsOurWaitsAndComplainsOfNothing) {
  const std::string bytes = WritePprof(SampleWaits()).value();
  const CommandOutput top = Run(bytes, {"-top"});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_EQ(top.error, "");
  EXPECT_THAT(top.out, HasSubstr("Type: delay\n"));
  EXPECT_THAT(top.out, HasSubstr("4ms, 100% of 4ms total"));
  EXPECT_THAT(Run(bytes, {"-top", "-sample_index=contentions"}).out,
              HasSubstr("13, 100% of 13 total"));
  EXPECT_THAT(Run(bytes, {"-top", "-tagfocus=reason=Mutex"}).out, HasSubstr("3ms, 75.00% of 4ms"));
}

TEST_F(GoPprof, ReadsOurTextOfWaits) {
  const CommandOutput raw = Run(WriteText(SampleWaits()), {"-raw", "-symbolize=none"});
  EXPECT_EQ(raw.exit_code, 0) << raw.error;
  EXPECT_THAT(raw.out, HasSubstr("PeriodType: contentions count\nPeriod: 1\n"));
  EXPECT_THAT(raw.out, HasSubstr("contentions/count delay/nanoseconds\n"));
  EXPECT_THAT(raw.out, ContainsRegex("12 +3000000: 1 2 3 *\n +1 +1000000: 4"));
  Profile mutex = SampleWaits();
  mutex.name = "mutex";
  const CommandOutput held = Run(WriteText(mutex), {"-raw", "-symbolize=none"});
  EXPECT_EQ(held.exit_code, 0) << held.error;
  EXPECT_THAT(held.out, ContainsRegex("12 +3000000: 1 2 3 *\n +1 +1000000: 4"));
}

TEST_F(GoPprof, ShowsOurThreadsAndComplainsOfNothing) {
  const std::string bytes = WritePprof(SampleThreadProfile()).value();
  const CommandOutput top = Run(bytes, {"-top"});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_EQ(top.error, "");
  EXPECT_THAT(top.out, HasSubstr("File: app\n"));
  EXPECT_THAT(top.out, HasSubstr("Type: goroutine\n"));
  EXPECT_THAT(top.out, HasSubstr("5, 100% of 5 total"));
  EXPECT_THAT(Run(bytes, {"-top", "-tagroot=reason"}).out,
              ContainsRegex("2 40.00%  sync.Cond.Wait\n"));
  EXPECT_THAT(Run(bytes, {"-top", "-tagfocus=state=running"}).out,
              HasSubstr("1, 20.00% of 5 total"));
  const CommandOutput traces = Run(bytes, {"-traces"});
  EXPECT_THAT(traces.out, ContainsRegex("state: +waiting\n +reason: +sync.Cond.Wait\n +2 +std::"));
}

TEST_F(GoPprof, ReadsOurTextOfThreads) {
  const CommandOutput raw = Run(WriteText(SampleThreadProfile()), {"-raw", "-symbolize=none"});
  EXPECT_EQ(raw.exit_code, 0) << raw.error;
  EXPECT_THAT(raw.out, HasSubstr("PeriodType: goroutine count\nPeriod: 1\n"));
  EXPECT_THAT(raw.out, HasSubstr("goroutine/count\n"));
  EXPECT_THAT(raw.out, ContainsRegex("2: 1 2 3 *\n +1: 4 *\n +1: 5 2 3 *\n +1: 6"));
  EXPECT_THAT(raw.out, HasSubstr("0x401134"));
  EXPECT_THAT(raw.out, HasSubstr("0x7f0030"));
}

TEST_F(GoPprof, SubtractsThreadsOfAnEarlierMoment) {
  const std::string base = directory_.File("base");
  std::ofstream(base, std::ios::binary) << WritePprof(SampleThreadProfile()).value();
  Profile later = SampleThreadProfile();
  later.samples[0].values = {9};
  const CommandOutput top = Run(WritePprof(later).value(), {"-top", "-base=" + base});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_THAT(top.out, HasSubstr("7, 100% of 7 total"));
}

TEST_F(GoPprof, LoadsThreadsOfNobody) {
  Profile profile = SampleThreadProfile();
  profile.samples.clear();
  EXPECT_EQ(Run(WritePprof(profile).value(), {"-top"}).exit_code, 0);
  const CommandOutput text = Run(WriteText(profile), {"-top", "-symbolize=none"});
  EXPECT_EQ(text.exit_code, 0) << text.error;
}

TEST_F(GoPprof, SubtractsTwoOfOurProfiles) {
  const std::string base = directory_.File("base");
  std::ofstream(base, std::ios::binary) << WritePprof(SampleProfile()).value();
  Profile later = SampleProfile();
  later.samples[0].values = {9, 9216, 4, 4096};
  const CommandOutput top = Run(WritePprof(later).value(), {"-top", "-base=" + base});
  EXPECT_EQ(top.exit_code, 0) << top.error;
  EXPECT_THAT(top.out, HasSubstr("2kB, 100% of 2kB total"));
}

}  // namespace
}  // namespace limpet
