// A companion that watches: comes by itself, dumps in time, outlives what it watches, and is not
// seen by it.

#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/kernel_version.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kProgram[] = LIMPET_PROGRAMS "/watched";
constexpr std::size_t kProfiles = 2;  // of one dump: heap, allocs
const SiteTotals kWatched = {10, 1000, 10, 1000};

// Waits, up to 30 s, until it is so.
bool Eventually(const std::function<bool()>& is_so) {
  for (int tries = 0; tries < 3000; ++tries) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

class Watched {
 public:
  explicit Watched(const std::string& setting, std::vector<std::string> steps = {},
                   const std::string& another = "LIMPET_KEEP=100")
      : program_(Command(std::move(steps)),
                 {kExact, setting, another, "LIMPET_DIR=" + directory_.path()}) {
    program_.WaitUntilReady();
  }

  // Lets it take its next step; what it says of its children.
  std::string Step() {
    program_.Continue();
    return program_.ReadLine();
  }

  std::uint32_t Watcher() const { return program_.Read().watch.watcher_pid; }

  std::uint32_t WaitForWatcher() const {
    EXPECT_TRUE(Eventually([&] { return Watcher() != 0; }));
    return Watcher();
  }

  std::vector<std::string> WaitForDump(std::size_t count) const {
    std::vector<std::string> files = WaitForDumps(directory_.path(), kProfiles * count);
    EXPECT_GE(files.size(), kProfiles * count);
    return files;
  }

  std::size_t Locks() const {
    std::size_t locks = 0;
    for (const auto& file : std::filesystem::directory_iterator(program_.runtime_directory())) {
      if (file.path().extension() == ".lock") ++locks;
    }
    return locks;
  }

  // The segments of so many children.
  std::vector<SegmentEntry> WaitUntilAllAreWatchedBy(std::uint32_t watcher,
                                                     std::size_t children) const {
    std::vector<SegmentEntry> entries;
    EXPECT_TRUE(Eventually([&] {
      entries = ListSegments({program_.runtime_directory()});
      std::erase_if(entries, [&](const SegmentEntry& entry) {
        const absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry.path);
        return entry.name.pid == static_cast<std::uint32_t>(program_.pid()) || !snapshot.ok() ||
               snapshot->watch.watcher_pid != watcher;
      });
      return entries.size() == children;
    }));
    return entries;
  }

  TracedProgram& program() { return program_; }
  const std::string& dumps() const { return directory_.path(); }

 private:
  static std::vector<std::string> Command(std::vector<std::string> steps) {
    steps.insert(steps.begin(), kProgram);
    return steps;
  }

  TemporaryDirectory directory_;
  TracedProgram program_;
};

// What the only process of `directory` has in its meta.json.
nlohmann::json MetaIn(const std::string& directory) {
  std::ifstream file(directory + "/latest/meta.json");
  return nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
}

bool IsGone(std::uint32_t pid) { return kill(static_cast<pid_t>(pid), 0) != 0; }

TEST(Watch, WritesProfilesEachInterval) {
  Watched watched("LIMPET_EVERY=1s");
  const std::vector<std::string> files = watched.WaitForDump(3);
  EXPECT_EQ(TotalsOfDump(files[kProfiles - 1], "WatchedAllocates"), kWatched);
}

TEST(Watch, WritesTheLastProfileOfAProcessThatWasKilled) {
  Watched watched("LIMPET_EVERY=1h");
  watched.WaitForWatcher();
  const std::string segment = watched.program().Segments().front();
  kill(watched.program().pid(), SIGKILL);
  const std::vector<std::string> files = watched.WaitForDump(1);
  EXPECT_EQ(TotalsOfDump(files.back(), "WatchedAllocates"), kWatched);
  EXPECT_TRUE(Eventually([&] { return ReadSegment(segment)->watch.has_last_profile; }));
}

// The companion itself reads what it writes the profile of, and is the last to let go of it.
TEST(Watch, RemovesTheLastOfTheDeadWhereNoneMayStay) {
  Watched watched("LIMPET_EVERY=1h", {}, "LIMPET_KEEP_DEAD=0");
  watched.WaitForWatcher();
  kill(watched.program().pid(), SIGKILL);
  watched.WaitForDump(1);
  EXPECT_TRUE(Eventually([&] { return watched.program().Segments().empty(); }));
}

class WatchedEnd : public testing::TestWithParam<bool> {};  // whether the dead is reaped at once

// The kernel tells it of every process that waits to be reaped.
TEST_P(WatchedEnd, IsTold) {
  Watched watched("LIMPET_EVERY=1h", {"vanish"});
  const std::uint32_t watcher = watched.WaitForWatcher();
  if (GetParam()) kill(static_cast<pid_t>(watcher), SIGSTOP);
  watched.program().Continue();
  if (GetParam()) {
    EXPECT_EQ(watched.program().Finish(), 3);
    kill(static_cast<pid_t>(watcher), SIGCONT);
  }
  watched.WaitForDump(1);
  ASSERT_TRUE(Eventually([&] { return MetaIn(watched.dumps()).is_object(); }));
  const nlohmann::json meta = MetaIn(watched.dumps());
  EXPECT_EQ(meta["dumps"][0]["reason"], "death");
  const bool is_told = !GetParam() || TellsTheEndOfTheReaped();
  EXPECT_EQ(meta.value("end", ""), is_told ? "exit status 3" : "");
}

INSTANTIATE_TEST_SUITE_P(Reaped, WatchedEnd, testing::Bool());

class WatchedSignal : public testing::TestWithParam<bool> {};  // whether the program is faster

// Either way: the watcher may look, and start a dump, before the end or after it.
TEST_P(WatchedSignal, JustBeforeTheEndIsOneDump) {
  Watched watched("LIMPET_EVERY=1h", {"signal and end"});
  const std::uint32_t watcher = watched.WaitForWatcher();
  if (GetParam()) kill(static_cast<pid_t>(watcher), SIGSTOP);
  watched.program().Continue();
  EXPECT_EQ(watched.program().ReadLine(), "") << "the end";
  if (GetParam()) kill(static_cast<pid_t>(watcher), SIGCONT);
  const std::vector<std::string> files = watched.WaitForDump(1);
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(TotalsOfDump(files.back(), "WatchedAllocates"), kWatched);
  EXPECT_TRUE(Eventually([&] { return IsGone(watcher); }));
  EXPECT_TRUE(watched.program().LeavesNoSegment()) << "it ended by itself";
  EXPECT_EQ(ListDumps(watched.dumps()).size(), kProfiles) << "one signal, one dump";
  EXPECT_EQ(MetaIn(watched.dumps())["dumps"][0]["reason"], "signal");
}

INSTANTIATE_TEST_SUITE_P(Stopped, WatchedSignal, testing::Bool());

TEST(Watch, IsNoChildOfTheProgram) {
  Watched watched("LIMPET_EVERY=1h", {"look", "look"});
  const std::uint32_t watcher = watched.WaitForWatcher();
  EXPECT_EQ(watched.Step(), "children none");
  kill(static_cast<pid_t>(watcher), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return IsGone(watcher); }));
  EXPECT_EQ(watched.Step(), "children none");
}

TEST(Watch, AnswersTheSignalItself) {
  Watched watched("LIMPET_EVERY=1h");
  watched.WaitForWatcher();
  kill(watched.program().pid(), SIGUSR1);
  watched.WaitForDump(1);
  EXPECT_EQ(CounterOf(watched.program().Read(), "companions_started"), 1u)
      << "the watcher, no other";
  EXPECT_TRUE(Eventually([&] { return watched.program().Read().watch.answered_requests == 1; }));
}

TEST(Watch, SeesGrowth) {
  Watched watched("LIMPET_DUMP_ON=growth:1MiB", {"grow"});
  watched.WaitForWatcher();
  watched.Step();
  const std::vector<std::string> files = watched.WaitForDump(1);
  EXPECT_EQ(TotalsOfDump(files.back(), "WatchedAllocates").objects_in_use, 74);
}

TEST(Watch, ServesAWholeTree) {
  Watched watched("LIMPET_EVERY=1h", {"fork"});
  const std::uint32_t watcher = watched.WaitForWatcher();
  EXPECT_EQ(watched.Step(), "children living");
  std::set<std::uint32_t> children;
  ASSERT_TRUE(Eventually([&] { return watched.program().Segments().size() == 4; }));
  for (const SegmentEntry& entry : ListSegments({watched.program().runtime_directory()})) {
    if (entry.name.pid != static_cast<std::uint32_t>(watched.program().pid())) {
      children.insert(entry.name.pid);
    }
    EXPECT_TRUE(Eventually([&] {
      const absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(entry.path);
      return snapshot.ok() && snapshot->watch.watcher_pid == watcher;
    })) << entry.path;
  }
  EXPECT_EQ(watched.Locks(), 1u);
  for (std::uint32_t child : children) kill(static_cast<pid_t>(child), SIGKILL);
  for (const std::string& file : watched.WaitForDump(3)) {
    if (file.find(".heap.") == std::string::npos) continue;
    EXPECT_EQ(TotalsOfDump(file, "ChildAllocates"), (SiteTotals{1, 3000, 1, 3000})) << file;
  }
}

// More than are kept of the dead: none is tidied away before its profile is written.
TEST(Watch, WritesTheLastProfilesOfManyThatDieTogether) {
  constexpr std::size_t kForks = 8;
  Watched watched("LIMPET_EVERY=1h", std::vector<std::string>(kForks, "fork"),
                  "LIMPET_KEEP_DEAD=4");
  const std::uint32_t watcher = watched.WaitForWatcher();
  for (std::size_t i = 0; i < kForks; ++i) watched.Step();
  const std::vector<SegmentEntry> entries = watched.WaitUntilAllAreWatchedBy(watcher, 3 * kForks);
  for (const SegmentEntry& entry : entries) kill(static_cast<pid_t>(entry.name.pid), SIGKILL);
  EXPECT_EQ(watched.WaitForDump(entries.size()).size(), kProfiles * entries.size());
}

TEST(Watch, ThatIsKilledIsReplaced) {
  // It looks for its watcher once a second at most.
  Watched watched("LIMPET_EVERY=1h", std::vector<std::string>(300, "thread"));
  const std::uint32_t first = watched.WaitForWatcher();
  kill(static_cast<pid_t>(first), SIGKILL);
  ASSERT_TRUE(Eventually([&] { return IsGone(first); }));
  EXPECT_TRUE(Eventually([&] {
    watched.Step();
    std::this_thread::sleep_for(std::chrono::milliseconds(90));
    return watched.Watcher() != first;
  }));
}

// The program has started a dump itself when the next watcher comes.
TEST(Watch, ThatWasKilledLeavesOneDumpForOneSignal) {
  Watched watched("LIMPET_EVERY=1h");
  const std::uint32_t first = watched.WaitForWatcher();
  kill(static_cast<pid_t>(first), SIGKILL);
  ASSERT_TRUE(Eventually([&] { return IsGone(first); }));
  // It looks for its watcher once a second at most.
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  kill(watched.program().pid(), SIGUSR1);
  EXPECT_TRUE(Eventually([&] { return watched.Watcher() != first; }));
  watched.WaitForDump(1);
  std::this_thread::sleep_for(std::chrono::seconds(3));
  EXPECT_EQ(ListDumps(watched.dumps()).size(), kProfiles);
}

TEST(Watch, IsNotStartedAtEachThread) {
  constexpr int kThreads = 300;
  Watched watched("LIMPET_EVERY=1h", std::vector<std::string>(kThreads, "thread"),
                  "LIMPET_COMPANION=/bin/true");  // never takes the seat
  for (int i = 0; i < kThreads; ++i) watched.Step();
  EXPECT_LT(CounterOf(watched.program().Read(), "companions_started"), 30u);
}

TEST(Watch, EndsWithTheLastProcess) {
  Watched watched("LIMPET_EVERY=1h");
  const std::uint32_t watcher = watched.WaitForWatcher();
  watched.program().Continue();
  EXPECT_TRUE(Eventually([&] { return IsGone(watcher); }));
  EXPECT_EQ(watched.Locks(), 0u);
  EXPECT_TRUE(ListDumps(watched.dumps()).empty()) << "it ended by itself: no last words";
}

TEST(Watch, IsNotStartedForNothing) {
  Watched watched("LIMPET_DUMP_ON=exit", {"thread"});
  watched.Step();
  EXPECT_EQ(CounterOf(watched.program().Read(), "companions_started"), 0u);
  EXPECT_EQ(watched.Locks(), 0u);
}

}  // namespace
}  // namespace limpet
