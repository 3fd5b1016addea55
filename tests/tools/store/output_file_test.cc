#include "tools/store/output_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::size_t FilesIn(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

TEST(OutputFile, IsWhole) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("heap.pb.gz");
  ASSERT_TRUE(WriteOutputFile(path, "first").ok());
  ASSERT_TRUE(WriteOutputFile(path, std::string("se\0cond", 7)).ok());
  EXPECT_EQ(ReadFile(path), std::string("se\0cond", 7));
  EXPECT_EQ(FilesIn(directory.path()), 1U);
}

TEST(OutputFile, NamesTheDirectoryThatIsNotThere) {
  const absl::Status status = WriteOutputFile("/nowhere/at/all/heap.pb.gz", "x");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("/nowhere/at/all"), std::string::npos) << status;
}

TEST(OutputFile, LeavesTheOldFileAndNothingElseWhenTheDiskIsFull) {
  const TemporaryDirectory directory;
  const std::string path = directory.File("heap.pb.gz");
  ASSERT_TRUE(WriteOutputFile(path, "old").ok());
  const pid_t child = fork();
  if (child == 0) {  // a limit stands in for a full disk, and must not stay with the other tests
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(WriteOutputFile(path, std::string(100'000, 'x')).raw_code());
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(FilesIn(directory.path()), 1U);
}

TEST(OutputFile, DoesNotFollowALinkAtItsTemporaryName) {
  const TemporaryDirectory directory;
  const std::string victim = directory.File("victim");
  std::ofstream(victim) << "precious";
  std::filesystem::create_symlink(victim,
                                  directory.File(".limpet-" + std::to_string(getpid()) + ".tmp"));
  ASSERT_TRUE(WriteOutputFile(directory.File("heap"), "x").ok());
  EXPECT_EQ(ReadFile(victim), "precious");
}

TEST(OutputFile, MakesDirectoriesOrSaysWhichItCannot) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(MakeDirectory(directory.File("a/b/c")).ok());
  EXPECT_TRUE(MakeDirectory(directory.File("a/b/c")).ok());
  std::ofstream(directory.File("file")) << "x";
  const absl::Status status = MakeDirectory(directory.File("file/below"));
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("file/below"), std::string::npos) << status;
}

TEST(OutputFile, LocksADirectoryForOneAtATime) {
  const TemporaryDirectory directory;
  { ASSERT_TRUE(DirectoryLock::Take(directory.path()).ok()); }
  EXPECT_TRUE(DirectoryLock::Take(directory.path()).ok()) << "released by the first";
  EXPECT_FALSE(DirectoryLock::Take(directory.File("none")).ok());
}

}  // namespace
}  // namespace limpet
