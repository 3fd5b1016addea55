// Numbers are exact for whatever allocator is behind the hooks.

#include <filesystem>

#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"

namespace limpet {
namespace {

constexpr char kJemalloc[] = "libjemalloc.so.2";
constexpr char kTcmalloc[] = "libtcmalloc_minimal.so.4";

bool IsInstalled(const char* library) {
  return std::filesystem::exists(std::string("/usr/lib/x86_64-linux-gnu/") + library);
}

void ExpectExactTotals(const SegmentSnapshot& snapshot) {
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByMalloc"), (SiteTotals{200, 20'000, 100, 10'000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByRealloc"), (SiteTotals{10, 5500, 1, 1000}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByCalloc"), (SiteTotals{1, 490, 1, 490}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNew"), (SiteTotals{200, 12'000, 100, 6000}));
  // The object and its text.
  EXPECT_EQ(TotalsOf(snapshot, "heap", "BySizedDelete"),
            (SiteTotals{400, 200 * (sizeof(std::string) + 51), 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByAlignedNew"), (SiteTotals{10, 6400, 5, 3200}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByNothrowNew"), (SiteTotals{1, 33, 1, 33}));
  ExpectNothingLost(snapshot);
}

SegmentSnapshot RunAndRead(const std::vector<std::string>& command) {
  TracedProgram program(command, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  return snapshot;
}

std::vector<std::string> Preloading(const std::string& libraries, const std::string& program) {
  return {"/usr/bin/env", "LD_PRELOAD=" + libraries, LIMPET_PROGRAMS "/" + program};
}

std::string OursBefore(const std::string& library) {
  return std::string(LIMPET_TEST_LIBRARY) + ":" + library;
}

TEST(Allocator, OfLibcIsExact) { ExpectExactTotals(RunAndRead({LIMPET_PROGRAMS "/allocators"})); }

TEST(Allocator, ThatIsLinkedToACppProgramIsExact) {
  ExpectExactTotals(RunAndRead({LIMPET_PROGRAMS "/allocators_jemalloc"}));
}

TEST(Allocator, ThatIsLinkedToACProgramIsExact) {
  SegmentSnapshot snapshot = RunAndRead({LIMPET_PROGRAMS "/plain_c_jemalloc"});
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByMalloc"), (SiteTotals{200, 20'000, 100, 10'000}));
  ExpectNothingLost(snapshot);
}

TEST(Allocator, ThatIsPreloadedBehindUsIsExact) {
  ExpectExactTotals(RunAndRead(Preloading(OursBefore(kJemalloc), "allocators")));
}

TEST(Allocator, ThatIsTcmallocPreloadedBehindUsIsExact) {
  if (!IsInstalled(kTcmalloc)) GTEST_SKIP() << "there is no " << kTcmalloc;
  ExpectExactTotals(RunAndRead(Preloading(OursBefore(kTcmalloc), "allocators")));
}

// Ours behind another: the program's calls never come to us, and it runs.
TEST(Allocator, ThatIsPreloadedBeforeUsLeavesNothingToSee) {
  for (const char* library : {kJemalloc, kTcmalloc}) {
    for (const char* setting : {kExact, "LIMPET_SAMPLE_BYTES=512KiB"}) {
      if (!IsInstalled(library)) continue;
      TracedProgram program(
          Preloading(std::string(library) + ":" + LIMPET_TEST_LIBRARY, "allocators"), {setting});
      EXPECT_EQ(program.ReadLine(), "ready");
      EXPECT_TRUE(program.Segments().empty());
      program.Continue();
      EXPECT_EQ(program.Finish(), 0);
    }
  }
}

TEST(Allocator, ThatIsLinkedInStaticallyLeavesNothingToSee) {
  const char* program_path = LIMPET_PROGRAMS "/allocators_static_jemalloc";
  if (!std::filesystem::exists(program_path)) GTEST_SKIP() << "there is no static jemalloc";
  TracedProgram program({program_path}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  EXPECT_TRUE(program.Segments().empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Allocator, MayBeTheProgramsOwnOperatorNew) {
  SegmentSnapshot snapshot = RunAndRead({LIMPET_PROGRAMS "/own_new"});
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByOwnNew"), (SiteTotals{20, 400, 5, 100}));
  ExpectNothingLost(snapshot);
}

TEST(Allocator, InTheExecutableLeavesNothingToSee) {
  TracedProgram program({LIMPET_PROGRAMS "/own_malloc"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  EXPECT_TRUE(program.Segments().empty());
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// A sanitizer has its own malloc in the executable, or in a library that it wants to be the first.
class Sanitizer : public testing::TestWithParam<const char*> {
 protected:
  static std::string Program() { return std::string(LIMPET_PROGRAMS "/sanitized_") + GetParam(); }
  void SetUp() override {
    if (!std::filesystem::exists(Program())) GTEST_SKIP() << "the compiler has it not";
  }
};

TEST_P(Sanitizer, BesidesAddressSanitizerLetsTheProgramRun) {
  if (std::string(GetParam()) == "address") GTEST_SKIP() << "refuses any preload before its own";
  for (const char* setting : {kExact, "LIMPET_SAMPLE_BYTES=512KiB"}) {
    TracedProgram program({Program()}, {setting});
    EXPECT_EQ(program.ReadLine(), "ready");
    program.Continue();
    EXPECT_EQ(program.Finish(), 0);
  }
}

TEST_P(Sanitizer, WithItsOwnMallocIsToldOf) {
  const bool has_malloc = std::string(GetParam()) != "undefined";
  CommandOutput doctor = RunProgram({LIMPET_COMPANION, "doctor", Program()}, {});
  EXPECT_EQ(doctor.exit_code, has_malloc ? 1 : 0) << doctor.out;
  EXPECT_EQ(doctor.out.find("trace a build without -fsanitize") != std::string::npos, has_malloc);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Sanitizer, testing::Values("address", "thread", "undefined"));

}  // namespace
}  // namespace limpet
