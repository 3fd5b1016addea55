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
#include "tests/tools/store/test_folder.h"

namespace limpet {
namespace {

constexpr char kName[] = "heap.pb.gz";

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
  const OpenFolder folder = Opened(directory.path());
  const std::string path = directory.File(kName);
  ASSERT_TRUE(WriteOutputFile(folder, kName, "first").ok());
  ASSERT_TRUE(WriteOutputFile(folder, kName, std::string("se\0cond", 7)).ok());
  EXPECT_EQ(ReadFile(path), std::string("se\0cond", 7));
  EXPECT_EQ(FilesIn(directory.path()), 1U);
}

TEST(OutputFile, NamesTheDirectoryThatIsNotThere) {
  const absl::Status status = OpenDirectory("/proc/nowhere/at/all").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("/proc/nowhere/at/all"), std::string::npos)
      << status;
}

TEST(OutputFile, LeavesTheOldFileAndNothingElseWhenTheDiskIsFull) {
  const TemporaryDirectory directory;
  const OpenFolder folder = Opened(directory.path());
  const std::string path = directory.File(kName);
  ASSERT_TRUE(WriteOutputFile(folder, kName, "old").ok());
  const pid_t child = fork();
  if (child == 0) {  // a limit stands in for a full disk, and must not stay with the other tests
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(WriteOutputFile(folder, kName, std::string(100'000, 'x')).raw_code());
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
  ASSERT_TRUE(WriteOutputFile(Opened(directory.path()), kName, "x").ok());
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
  const OpenFolder folder = Opened(directory.path());
  {
    const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(folder);
    ASSERT_TRUE(lock.ok());
    EXPECT_TRUE(absl::IsUnavailable(DirectoryLock::Try(folder).status()));
  }
  EXPECT_TRUE(DirectoryLock::Try(folder).ok()) << "released by the first";
}

}  // namespace
}  // namespace limpet
