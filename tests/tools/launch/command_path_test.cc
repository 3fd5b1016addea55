#include "tools/launch/command_path.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/tools/launch/temporary_folder.h"

namespace limpet {
namespace {

constexpr bool kExecutable = true;

TEST(FindCommand, TakesTheFirstFolderThatHasTheCommand) {
  TemporaryFolder folder;
  const std::string first = folder.Write("a/serve", "", kExecutable);
  folder.Write("b/serve", "", kExecutable);
  const std::string path = folder.Path("none") + ":" + folder.Path("a") + ":" + folder.Path("b");
  EXPECT_EQ(FindCommand("serve", path).value(), first);
}

TEST(FindCommand, PassesOverAFileThatMayNotBeExecuted) {
  TemporaryFolder folder;
  folder.Write("a/serve", "");
  const std::string second = folder.Write("b/serve", "", kExecutable);
  EXPECT_EQ(FindCommand("serve", folder.Path("a") + ":" + folder.Path("b")).value(), second);
}

TEST(FindCommand, TellsMissingFromNotExecutable) {
  TemporaryFolder folder;
  const std::string text = folder.Write("a/serve", "");
  EXPECT_TRUE(absl::IsNotFound(FindCommand("nothing", folder.Path("a")).status()));
  EXPECT_TRUE(absl::IsNotFound(FindCommand(folder.Path("nothing"), "").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(FindCommand("serve", folder.Path("a")).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(FindCommand(text, "").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(FindCommand(folder.Path("a"), "").status()));
}

TEST(FindCommand, RefusesAnEmptyName) {
  EXPECT_TRUE(absl::IsNotFound(FindCommand("", "/bin").status()));
}

TEST(FindProgram, IsTheProgramItselfWhenItIsNoScript) {
  EXPECT_EQ(FindProgram(ToyProgram("plain"), "").value(), ToyProgram("plain"));
}

TEST(FindProgram, FollowsInterpreterLines) {
  TemporaryFolder folder;
  const std::string inner =
      folder.Write("inner", "#! " + ToyProgram("plain") + " -x\n", kExecutable);
  const std::string outer = folder.Write("outer", "#!" + inner + "\nbody\n", kExecutable);
  EXPECT_EQ(FindProgram(outer, "").value(), ToyProgram("plain"));
}

TEST(FindProgram, LooksThroughEnv) {
  TemporaryFolder folder;
  const std::string script =
      folder.Write("script", "#!/usr/bin/env -S A=1 toy_plain --flag\n", kExecutable);
  const std::string toys = std::filesystem::path(ToyProgram("plain")).parent_path();
  EXPECT_EQ(FindProgram(script, toys).value(), ToyProgram("plain"));
}

TEST(FindProgram, GivesABareScriptToTheShell) {
  TemporaryFolder folder;
  EXPECT_EQ(FindProgram(folder.Write("script", "exit 3\n", kExecutable), "").value(), "/bin/sh");
}

TEST(FindProgram, NamesTheScriptWhoseInterpreterIsMissing) {
  TemporaryFolder folder;
  const std::string script = folder.Write("script", "#!/no/such/thing\n", kExecutable);
  const absl::Status status = FindProgram(script, "").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_NE(std::string(status.message()).find(script), std::string::npos) << status;
}

TEST(FindProgram, GivesUpOnAScriptThatInterpretsItself) {
  TemporaryFolder folder;
  const std::string path = folder.Path("loop");
  folder.Write("loop", "#!" + path + "\n", kExecutable);
  EXPECT_FALSE(FindProgram(path, "").ok());
}

}  // namespace
}  // namespace limpet
