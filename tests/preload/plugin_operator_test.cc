// operator new and delete of plug-ins in C++ whose program is in C: no C++ library is in the global
// scope, and each plug-in is to get its own one's.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kHost[] = LIMPET_PROGRAMS "/plugin_host";
constexpr char kTurns[] = LIMPET_PROGRAMS "/plugin_turns";
constexpr char kSymbolicPlugin[] = LIMPET_PROGRAMS "/libsymbolic_plugin.so";
constexpr char kStaticPluginA[] = LIMPET_PROGRAMS "/libstatic_plugin_a.so";
constexpr char kStaticPluginB[] = LIMPET_PROGRAMS "/libstatic_plugin_b.so";
constexpr char kThreadPlugin[] = LIMPET_PROGRAMS "/libthread_plugin.so";
constexpr char kBarePlugin[] = LIMPET_PROGRAMS "/libbare_plugin.so";
constexpr char kOwnNewPlugin[] = LIMPET_PROGRAMS "/libown_new_plugin.so";

void ExpectToRun(const std::vector<std::string>& command) {
  TracedProgram program(command, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

// The constructor's thread holds the loader's lock and waits for the one that allocates.
TEST(PluginOperators, AreFoundWithoutTheLoadersLock) {
  TracedProgram program({kHost, kThreadPlugin, "PluginRuns", "keep"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByEveryNew<int>"), (SiteTotals{8, 48, 0, 0}));
  EXPECT_EQ(TotalsOf(snapshot, "heap", "UseAll").allocated_objects, 16);
  EXPECT_EQ(TotalsOf(snapshot, "heap", "UseAll").objects_in_use, 0);
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(PluginOperators, AreSeenThroughMalloc) {
  TracedProgram program({kHost, kBarePlugin, "PluginRuns", "keep"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "ready");
  SegmentSnapshot snapshot = program.Read();
  EXPECT_EQ(TotalsOf(snapshot, "heap", "ByBareNew"), (SiteTotals{11, 2600, 1, 40}));
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

TEST(PluginOperators, ThrowAsEver) {
  TracedProgram program({kHost, kBarePlugin, "PluginExhausts", "keep"}, {kExact});
  EXPECT_EQ(program.ReadLine(), "");
  EXPECT_EQ(program.Finish(), 128 + SIGABRT) << "nobody catches the bad_alloc";
}

TEST(PluginOperators, MayBeThePluginsOwn) {
  ExpectToRun({kHost, kOwnNewPlugin, "PluginOwns", "keep"});
}

TEST(PluginOperators, GoWithTheirPlugin) {
  ExpectToRun({kHost, kOwnNewPlugin, "PluginRuns", "drop", kBarePlugin, "PluginRuns", "keep"});
  ExpectToRun({kHost, kOwnNewPlugin, "PluginRuns", "drop", kThreadPlugin, "PluginRuns", "keep",
               kOwnNewPlugin, "PluginRuns", "keep"});
}

// What one plug-in's operator new has made, another's delete does not know.
TEST(PluginOperators, AreOfOnePluginTogether) {
  ExpectToRun({kHost, kBarePlugin, "PluginRuns", "keep", kOwnNewPlugin, "PluginRuns", "keep"});
  ExpectToRun({kHost, kThreadPlugin, "PluginRuns", "keep", kOwnNewPlugin, "PluginRuns", "keep"});
  ExpectToRun({kHost, kOwnNewPlugin, "PluginRuns", "keep", kThreadPlugin, "PluginRuns", "keep"});
}

TEST(PluginOperators, ServeTheLibraryBehindThePlugin) {
  ExpectToRun({kHost, kSymbolicPlugin, "PluginRuns", "keep"});
}

TEST(PluginOperators, StayWhileAnotherPluginGoes) {
  for (int i = 0; i < 10; ++i) ExpectToRun({kTurns, kStaticPluginA, kStaticPluginB});
}

}  // namespace
}  // namespace limpet
