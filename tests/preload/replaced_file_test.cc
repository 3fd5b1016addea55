// Programs and libraries that are replaced or removed while they run: no name of another build is
// told.

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <filesystem>

#include "tests/preload/dump_files.h"
#include "tests/preload/snapshot_facts.h"
#include "tests/support/command_output.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr char kModules[] = LIMPET_PROGRAMS "/modules";
constexpr char kExits[] = LIMPET_PROGRAMS "/exits";

void Install(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to + ".new");
  std::filesystem::rename(to + ".new", to);
}

std::string LibraryOf(const std::string& name) { return LIMPET_PROGRAMS "/lib" + name + ".so"; }

// Runs a program with a plug-in in a folder of its own, does `change` to it, and dumps.
class ChangedWhileItRuns : public testing::Test {
 protected:
  void Start(const std::string& plugin) {
    Install(kModules, executable_);
    Install(plugin, plugin_);
    program_ =
        std::make_unique<TracedProgram>(std::vector<std::string>{executable_, "plain", plugin_, ""},
                                        std::vector<std::string>{kExact});
    ASSERT_EQ(program_->ReadLine(), "ready");
  }

  SiteTotals Dumped(const std::string& function) {
    const std::string file = directory_.File("heap.pb.gz");
    const CommandOutput dump = RunProgram(
        {LIMPET_COMPANION, "dump", std::to_string(program_->pid()), "-p", "heap", "-o", file},
        {"LIMPET_RUNTIME_DIR=" + program_->runtime_directory()});
    EXPECT_EQ(dump.exit_code, 0) << dump.error;
    return TotalsOfDump(file, function);
  }

  static constexpr SiteTotals kAll = {30, 300, 30, 300};
  TemporaryDirectory directory_;
  const std::string executable_ = directory_.File("program");
  const std::string plugin_ = directory_.File("plugin.so");
  std::unique_ptr<TracedProgram> program_;
};

TEST_F(ChangedWhileItRuns, NamesWhatWasNotChanged) {
  Start(LibraryOf("plugin_a"));
  EXPECT_EQ(Dumped("AllocatesInPluginA"), kAll);
  EXPECT_EQ(Dumped("LoadOnce"), kAll);
}

TEST_F(ChangedWhileItRuns, ALibraryIsNotNamedByItsSuccessor) {
  Start(LibraryOf("plugin_a"));
  Install(LibraryOf("plugin_b"), plugin_);
  EXPECT_EQ(Dumped("PluginB"), SiteTotals{});
  EXPECT_EQ(Dumped("PluginAllocates"), SiteTotals{})
      << "that name stands at the same place in both";
  EXPECT_EQ(Dumped("plugin.so+0x"), kAll);
  EXPECT_EQ(Dumped("LoadOnce"), kAll) << "the program's own names stay";
}

TEST_F(ChangedWhileItRuns, ALibraryWithoutBuildIdIsNotNamedByItsSuccessor) {
  Start(LibraryOf("plugin_a_without_id"));
  EXPECT_EQ(Dumped("AllocatesInPluginA"), kAll);
  Install(LibraryOf("plugin_b_without_id"), plugin_);
  EXPECT_EQ(Dumped("PluginB"), SiteTotals{});
  EXPECT_EQ(Dumped("PluginAllocates"), SiteTotals{});
  EXPECT_EQ(Dumped("plugin.so+0x"), kAll);
}

TEST_F(ChangedWhileItRuns, AProgramIsNotNamedByItsSuccessor) {
  Start(LibraryOf("plugin_a"));
  Install(kExits, executable_);
  EXPECT_EQ(Dumped("LoadOnce"), SiteTotals{});
  EXPECT_EQ(Dumped("ExitAllocates"), SiteTotals{});
  EXPECT_GE(Dumped("program+0x").objects_in_use, kAll.objects_in_use);
  EXPECT_EQ(Dumped("AllocatesInPluginA"), kAll);
}

TEST_F(ChangedWhileItRuns, WhatWasRemovedIsToldByItsAddress) {
  Start(LibraryOf("plugin_a"));
  std::filesystem::remove(executable_);
  std::filesystem::remove(plugin_);
  EXPECT_EQ(Dumped("AllocatesInPluginA"), SiteTotals{});
  EXPECT_EQ(Dumped("plugin.so+0x"), kAll);
  EXPECT_GE(Dumped("program+0x").objects_in_use, kAll.objects_in_use);
}

// --- A process that sees other processes and other files than we do ---

std::vector<std::string> InNamespaces(const std::string& script) {
  return {"/usr/bin/unshare", "--pid",   "--mount", "--fork",
          "--kill-child",     "/bin/sh", "-c",      script};
}

bool MayUnshare() { return RunProgram(InNamespaces("true")).exit_code == 0; }

// Inside, the program's path is another file than outside.
TEST(Container, IsDumpedFromOutsideWithItsOwnNames) {
  if (!MayUnshare()) GTEST_SKIP() << "no right to make namespaces";
  TemporaryDirectory directory;
  const std::string executable = directory.File("program");
  Install(kExits, executable);
  const std::string script = std::string("mount --bind ") + kModules + ' ' + executable +
                             " && exec " + executable + " plain " + LibraryOf("plugin_a") + " ''";
  TracedProgram program(InNamespaces(script), {kExact});
  ASSERT_EQ(program.ReadLine(), "ready");
  std::optional<std::string> segment;
  for (const std::string& path : program.Segments()) {
    absl::StatusOr<SegmentSnapshot> snapshot = ReadSegment(path);
    if (snapshot.ok() && snapshot->executable == executable) segment = path;
  }
  ASSERT_TRUE(segment.has_value());
  const std::string children = "/proc/" + std::to_string(program.pid()) + "/task/" +
                               std::to_string(program.pid()) + "/children";
  const std::string pid = RunProgram({"/bin/cat", children}).out;
  const std::string file = directory.File("heap.pb.gz");
  const CommandOutput dump =
      RunProgram({LIMPET_COMPANION, "dump", pid.substr(0, pid.find(' ')), "-p", "heap", "-o", file},
                 {"LIMPET_RUNTIME_DIR=" + program.runtime_directory()});
  EXPECT_EQ(dump.exit_code, 0) << dump.error;
  EXPECT_EQ(TotalsOfDump(file, "AllocatesInPluginA"), (SiteTotals{30, 300, 30, 300}));
  EXPECT_EQ(TotalsOfDump(file, "LoadOnce"), (SiteTotals{30, 300, 30, 300}));
  program.Continue();
  EXPECT_EQ(program.Finish(), 0);
}

}  // namespace
}  // namespace limpet
