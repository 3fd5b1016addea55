// Code comes and goes; stacks are named by what was there when they were taken.

#include "tests/preload/snapshot_facts.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kModules[] = LIMPET_PROGRAMS "/modules";
constexpr char kPluginA[] = LIMPET_PROGRAMS "/libplugin_a.so";
constexpr char kTwinOfPluginA[] = LIMPET_PROGRAMS "/libplugin_a_without_id.so";
constexpr char kPluginB[] = LIMPET_PROGRAMS "/libplugin_b.so";
constexpr char kHelpedPlugin[] = LIMPET_PROGRAMS "/libhelped_plugin.so";

TEST(Modules, ThatTakeTurnsAtOneAddressAreToldApart) {
  TracedProgram program({kModules, "alternate", kPluginA, kPluginB}, {kExact});
  std::string line = program.ReadLine();
  EXPECT_GT(NumberIn(line), 0u) << "the plug-ins never shared an address: " << line;
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "AllocatesInPluginA"), (SiteTotals{150, 1500, 150, 1500}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "AllocatesInPluginB"), (SiteTotals{250, 5000, 250, 5000}));
  EXPECT_LT(snapshot.modules.size(), 20u) << "a module that comes again is the same one";
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// Samples whose innermost frame lies in the module.
std::uint64_t SamplesIn(const SegmentSnapshot& snapshot, const std::string& path) {
  std::uint64_t samples = 0;
  for (const SiteRecord& site : snapshot.sites) {
    const StackRecord& stack = snapshot.stacks.at(site.stack);
    const bool is_there =
        !stack.frames.empty() && snapshot.modules[stack.frames.front().module].path == path;
    samples += is_there ? site.samples : 0;
  }
  return samples;
}

// Every address means the same in both: only that one was unloaded tells them apart.
TEST(Modules, OfEqualCodeAtOneAddressAreToldApart) {
  TracedProgram program({kModules, "alternate", kPluginA, kTwinOfPluginA}, {kExact});
  std::string line = program.ReadLine();
  EXPECT_GT(NumberIn(line), 0u) << "the plug-ins never shared an address: " << line;
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(SamplesIn(snapshot, kPluginA), 150u);
  EXPECT_EQ(SamplesIn(snapshot, kTwinOfPluginA), 150u);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Modules, MayGoWhileOtherThreadsAllocate) {
  TracedProgram program({kModules, "race", kPluginA, kPluginB, Repeats(5, 60)}, {kExact});
  auto blocks = static_cast<std::int64_t>(NumberIn(program.ReadLine()));
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "AllocateOn"), (SiteTotals{blocks, 50 * blocks, 0, 0}));
  SiteTotals a = TotalsOf(snapshot, "heap", "AllocatesInPluginA");
  SiteTotals b = TotalsOf(snapshot, "heap", "AllocatesInPluginB");
  EXPECT_GT(a.allocated_objects, 0);
  EXPECT_EQ(a.allocated_bytes, 10 * a.allocated_objects);
  EXPECT_EQ(b.allocated_bytes, 20 * b.allocated_objects);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Modules, LoadedWithDeepbindRun) {
  TracedProgram program({kModules, "deepbind", kPluginA, ""}, {kExact});
  program.WaitUntilReady();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// Their calls pass us by. What they free stays in use until its address comes again.
TEST(Modules, LoadedWithDeepbindMayFreeTheProgramsBlocksAndTheOtherWayRound) {
  TracedProgram program(
      {LIMPET_PROGRAMS "/deepbind_host", LIMPET_PROGRAMS "/libdeepbind_plugin.so"}, {kExact});
  program.WaitUntilReady();
  const SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "HostAllocates").allocated_objects, 2000);
  EXPECT_EQ(TotalsOf(snapshot, "heap", "HostResizes").allocated_objects, 1000);
  EXPECT_EQ(TotalsOf(snapshot, "heap", "PluginAllocates"), SiteTotals{});
  EXPECT_LE(TotalsOf(snapshot, "heap", "Host").objects_in_use, 10);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Modules, OfAnotherNamespaceRun) {
  TracedProgram program({kModules, "dlmopen", kPluginA, ""}, {kExact});
  program.WaitUntilReady();
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Modules, AreSeenUnderAnAuditLibrary) {
  TracedProgram program({kModules, "plain", kPluginA, ""},
                        {kExact, "LD_AUDIT=" LIMPET_PROGRAMS "/libaudit.so"});
  ASSERT_EQ(program.ReadLine(), "ready");
  EXPECT_EQ(TotalsOf(program.Read(), "heap", "AllocatesInPluginA"), (SiteTotals{30, 300, 30, 300}));
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(Modules, FindTheirHelpersByTheirOwnRunpath) {
  TracedProgram program({kModules, "plain", kHelpedPlugin, ""}, {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
