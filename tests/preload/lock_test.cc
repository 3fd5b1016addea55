// A sample waits for no lock of the loader, of libgcc or of a thread: the code that allocates may
// hold it.

#include "tests/preload/snapshot_facts.h"

namespace limpet {
namespace {

constexpr char kLockHolders[] = LIMPET_PROGRAMS "/lock_holders";
constexpr char kPluginA[] = LIMPET_PROGRAMS "/libplugin_a.so";

SegmentSnapshot RunToItsEnd(const std::vector<std::string>& command) {
  TracedProgram program(command, {kExact});
  if (program.ReadLine() != "ready") return ADD_FAILURE() << "it hangs", SegmentSnapshot();
  SegmentSnapshot snapshot = program.Read();
  ExpectNothingLost(snapshot);
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
  return snapshot;
}

TEST(LoaderLock, IsNotWaitedForByAFirstSample) {
  SegmentSnapshot snapshot = RunToItsEnd({kLockHolders, "iterate"});
  EXPECT_EQ(TotalsOf(snapshot, "heap", "AllocateForOther"), (SiteTotals{10, 800, 0, 0}));
  EXPECT_GE(TotalsOf(snapshot, "heap", "WaitForOther").allocated_objects, 10);
}

TEST(LoaderLock, MayBeHeldWhileObjectsComeAndGo) {
  SegmentSnapshot snapshot = RunToItsEnd({kLockHolders, "load", kPluginA, Repeats(5, 60)});
  for (const char* site : {"AllocateForObject", "AllocateOn", "AllocatesInPluginA"})
    EXPECT_GT(TotalsOf(snapshot, "heap", site).allocated_objects, 0) << site;
}

TEST(UnwindTables, ThatAreRegisteredAndThrownThroughAreNoHindrance) {
  constexpr std::int64_t kThreads = 4;
  const std::string rounds = Repeats(2000, 50'000);
  SegmentSnapshot snapshot = RunToItsEnd({kLockHolders, "throw", rounds});
  const std::int64_t times = kThreads * std::stoll(rounds);
  EXPECT_EQ(TotalsOf(snapshot, "heap", "AllocateHere"), (SiteTotals{3 * times, 240 * times, 0, 0}));
  SiteTotals exceptions = TotalsOf(snapshot, "heap", "__cxa_allocate_exception");
  EXPECT_EQ(exceptions.allocated_objects, times);
  EXPECT_EQ(exceptions.objects_in_use, 0);
}

TEST(ThreadAttributes, CanBeAskedForInEveryThread) {
  SegmentSnapshot snapshot = RunToItsEnd({kLockHolders, "attributes"});
  EXPECT_GT(TotalsOf(snapshot, "heap", "AskForStack").allocated_objects, 1000)
      << "libc allocates for it";
}

}  // namespace
}  // namespace limpet
