// Stacks name the functions that allocated, however the program was linked and whatever it runs on.

#include <fstream>
#include <sstream>

#include "tests/preload/snapshot_facts.h"
#include "tools/profile/profile_builder.h"
#include "tools/symbol/elf_symbolizer.h"

namespace limpet {
namespace {

TEST(OddStacks, LoseNoBlockAndStopNoProgram) {
  TracedProgram program({LIMPET_PROGRAMS "/odd_stacks"}, {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "FiberAllocates"), (SiteTotals{400, 12'000, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "FiberBody"), (SiteTotals{400, 12'000, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "DeepAllocates"), (SiteTotals{101, 2020, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "Recurse"), (SiteTotals{101, 2020, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "CalledByBareCode"), (SiteTotals{40, 3600, 40, 3600}));
  EXPECT_EQ(CounterOf(snapshot, "dropped_allocations_full"), 0u);
  EXPECT_EQ(snapshot.invalid_slots, 0u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// A range of executable memory as /proc/PID/maps tells it: start, end, offset.
struct CodeRange {
  std::uint64_t start = 0, end = 0, offset = 0;
  bool operator==(const CodeRange&) const = default;
};

std::vector<CodeRange> CodeOf(pid_t pid, const std::string& path) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  std::vector<CodeRange> ranges;
  for (std::string line; std::getline(maps, line);) {
    std::string range, rights, offset;
    std::istringstream(line) >> range >> rights >> offset;
    if (!line.ends_with(path) || rights.find('x') == std::string::npos) continue;
    ranges.push_back({std::stoull(range, nullptr, 16),
                      std::stoull(range.substr(range.find('-') + 1), nullptr, 16),
                      std::stoull(offset, nullptr, 16)});
  }
  return ranges;
}

class LinkedProgram : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (access(path_.c_str(), X_OK) != 0) GTEST_SKIP() << "this machine cannot make it";
    program_ = std::make_unique<TracedProgram>(std::vector<std::string>{path_},
                                               std::vector<std::string>{kExact});
    ASSERT_EQ(program_->ReadLine(), "ready");
    snapshot_ = program_->Read();
  }

  const std::string path_ = std::string(LIMPET_PROGRAMS "/linked/") + GetParam();
  std::unique_ptr<TracedProgram> program_;
  SegmentSnapshot snapshot_;
};

TEST_P(LinkedProgram, HasItsBlocksWhereTheyAre) {
  const SiteTotals outer = {5, 500, 5, 500}, assembly = {6, 360, 6, 360};
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "InnerSite"), outer);
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "OuterSite"), outer);
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "ByAssembly"), assembly);
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "BareAssembly"), assembly);
  // What was folded has one name or the other.
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "Twin"), (SiteTotals{4, 308, 4, 308}));
  EXPECT_EQ(TotalsOf(snapshot_, "heap", "main"), (SiteTotals{15, 1168, 15, 1168}));
  ExpectNothingLost(snapshot_);
}

// The innermost frame is the program's call: in memory that is not ours, and in the profile's
// names.
TEST_P(LinkedProgram, HasNoFrameOfOurs) {
  for (const auto& [id, stack] : snapshot_.stacks) {
    for (const FrameRecord& frame : stack.frames) {
      if (frame.module == 0) continue;
      EXPECT_EQ(snapshot_.modules[frame.module].path.find("liblimpet.so"), std::string::npos);
    }
  }
  ElfSymbolizer symbolizer;
  absl::StatusOr<Profile> profile =
      ProfileBuilder(snapshot_, symbolizer, nullptr).Build("heap", {});
  ASSERT_TRUE(profile.ok());
  for (const ProfileFunction& function : profile->functions)
    EXPECT_EQ(function.name.find("limpet"), std::string::npos) << function.name;
}

TEST_P(LinkedProgram, IsMappedInTheProfileAsInMemory) {
  for (const ModuleRecord& module : snapshot_.modules) {
    if (!module.path.ends_with(GetParam())) continue;
    EXPECT_EQ(CodeOf(program_->pid(), module.path),
              (std::vector<CodeRange>{{module.start, module.end, module.file_offset}}));
    return;
  }
  ADD_FAILURE() << "the program is no module of its own profile";
}

INSTANTIATE_TEST_SUITE_P(Shapes, LinkedProgram,
                         testing::Values("bfd_pie", "bfd_fixed", "bfd_whole", "lto", "gold_pie",
                                         "gold_fixed", "gold_folded", "lld_pie", "lld_fixed",
                                         "lld_folded"),
                         [](const auto& shape) { return std::string(shape.param); });

}  // namespace
}  // namespace limpet
