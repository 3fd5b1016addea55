// What a sampled profile says is the truth within what chance allows, and it says how much of the
// process's memory that is.

#include <stdio.h>

#include <fstream>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"

namespace limpet {
namespace {

constexpr char kEstimates[] = LIMPET_PROGRAMS "/estimates";
constexpr double kMiB = 1 << 20;

// As many bytes in 262,144 blocks of 16 B as in 16 blocks of 256 KiB: all of the large ones are
// samples, of the small ones 1 in 241. Whoever adds up first and then scales by the average size is
// wrong by orders of magnitude.
constexpr double kObjects = 262'160, kBytes = 2 * 4 * kMiB;

// The mean of 200 runs: 1 % is 4.6 times its standard deviation.
TEST(Estimates, OfSmallAndLargeBlocksOfOneStackAreRightOnTheAverage) {
  constexpr double kRounds = 200;
  TracedProgram program({kEstimates, "mixed", "200"}, {"LIMPET_SAMPLE_BYTES=4096"});
  ASSERT_EQ(program.ReadLine(), "allocated");
  SegmentSnapshot snapshot = program.Read();
  SiteTotals totals = TotalsOf(snapshot, "heap", "AllocateMixed");
  EXPECT_NEAR(static_cast<double>(totals.allocated_objects), kRounds * kObjects,
              kRounds * kObjects / 100);
  EXPECT_NEAR(static_cast<double>(totals.allocated_bytes), kRounds * kBytes,
              kRounds * kBytes / 100);
  // Of one run, 3.1 % the standard deviation.
  EXPECT_NEAR(static_cast<double>(totals.objects_in_use), kObjects, kObjects / 6);
  EXPECT_NEAR(static_cast<double>(totals.bytes_in_use), kBytes, kBytes / 12);
  ExpectNothingLost(snapshot);
}

// Here the filter counts, which it does not where every allocation is a sample.
TEST(Frees, OfAllBlocksLeaveNothingInUse) {
  TracedProgram program({kEstimates, "mixed", "3"}, {"LIMPET_SAMPLE_BYTES=64"});
  ASSERT_EQ(program.ReadLine(), "allocated");
  const auto in_use =
      static_cast<double>(TotalsOf(program.Read(), "heap", "AllocateMixed").objects_in_use);
  EXPECT_NEAR(in_use, kObjects, kObjects / 50);
  program.Continue();
  ASSERT_EQ(program.ReadLine(), "freed");
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "AllocateMixed").objects_in_use, 0);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// "12.3 MiB" in bytes.
double BytesOf(double number, const std::string& unit) {
  if (unit == "GiB") return number * kMiB * 1024;
  return unit == "MiB" ? number * kMiB : number * 1024;
}

struct CoverageNumbers {
  double in_use = 0;
  double anonymous = 0;
  double resident = 0;
};

CoverageNumbers CoverageIn(const std::string& text) {
  double numbers[3] = {};
  char units[3][4] = {};
  std::size_t at = text.find("coverage: ");
  const char* line = at == std::string::npos ? "" : text.c_str() + at;
  int read = sscanf(
      line,
      "coverage: %lf %3s in use as sampled, of %lf %3s resident anonymous memory (%*[^)]), of %lf "
      "%3s RSS",
      &numbers[0], units[0], &numbers[1], units[1], &numbers[2], units[2]);
  EXPECT_EQ(read, 6) << text;
  return {BytesOf(numbers[0], units[0]), BytesOf(numbers[1], units[1]),
          BytesOf(numbers[2], units[2])};
}

// A field of /proc/PID/status, in bytes.
double StatusBytes(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) * 1024;
  }
  return 0;
}

// 2.5 % is the standard deviation of 1024 blocks of 64 KiB, of which 63 % are samples: an eighth is
// five of it, and what is in memory besides is ten.
void ExpectTruth(const CoverageNumbers& said, pid_t pid) {
  constexpr double kTouched = 64 * kMiB, kOthers = 16 * kMiB, kRounding = 0.06 * kMiB;
  EXPECT_NEAR(said.in_use, kTouched, kTouched / 8);
  EXPECT_GE(said.anonymous, kTouched + kOthers);
  EXPECT_LE(said.anonymous, kTouched + kOthers + 8 * kMiB) << "and little else is in memory";
  EXPECT_NEAR(said.anonymous, StatusBytes(pid, "RssAnon"), kRounding);
  EXPECT_NEAR(said.resident, StatusBytes(pid, "VmRSS"), kRounding);
}

TEST(Coverage, IsToldOfEveryDumpAndProcess) {
  TracedProgram program({kEstimates, "touched"}, {"LIMPET_SAMPLE_BYTES=64KiB"});
  ASSERT_EQ(program.ReadLine(), "allocated");
  const std::string where = "LIMPET_RUNTIME_DIR=" + program.runtime_directory();
  const std::string pid = std::to_string(program.pid());
  CommandOutput dump =
      RunProgram({LIMPET_COMPANION, "dump", pid, "-p", "heap", "-f", "text", "-o", "-"}, {where});
  CommandOutput list = RunProgram({LIMPET_COMPANION, "ps"}, {where});
  ExpectTruth(CoverageIn(dump.out), program.pid());
  ExpectTruth(CoverageIn(list.out), program.pid());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
