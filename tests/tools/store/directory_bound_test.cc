#include "tools/store/directory_bound.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tools/store/store_fixture.h"
#include "tests/tools/store/test_folder.h"
#include "tools/store/meta_file.h"
#include "tools/store/output_file.h"

namespace limpet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kLarge = 400 << 10;

// Field 22 of /proc/PID/stat of a process whose name has no blanks.
std::string StartOf(const std::string& pid) {
  std::ifstream stat("/proc/" + pid + "/stat");
  std::string word, start;
  for (int field = 1; field <= 22 && stat >> word; ++field) start = word;
  return start;
}

// In a pid namespace of its own, where its PID is 1; 0: there may be none.
pid_t StartBoxed() {
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) {
    pause();
    _exit(0);
  }
  return std::max(pid, 0);
}

class DirectoryBound : public StoreFixture {
 protected:
  DirectoryBound() { limits_.max_directory_bytes = std::uint64_t{4} << 20; }

  bool Exists(const std::string& name) const {
    return std::filesystem::exists(directory_.File(name));
  }
};

TEST_F(DirectoryBound, TakesTheOldestOfAllProcessesThatNobodyAskedFor) {
  for (const char* reason : {"interval", "demand", "interval", "interval"}) Store(reason, kLarge);
  Enter("b.4194306-1");
  for (int index = 0; index < 5; ++index) Store("interval", kLarge);
  EXPECT_EQ(Removed(), 0U);
  Store("interval", kLarge);
  Store("interval", kLarge);
  EXPECT_EQ(Kept().size() + 3, 10U) << "all but those of the first process";
  EXPECT_EQ(Removed(), 0U);
  Enter("app.4194305-987654");
  EXPECT_THAT(Kept(), ElementsAre("1 interval", "2 demand", "4 interval"));
  EXPECT_EQ(Removed(), 1U) << "the other folder's meta.json knows";
}

TEST_F(DirectoryBound, TakesWholeFoldersOfTheDeadWhenNothingElseHelps) {
  limits_.max_directory_bytes = 1 << 20;
  Store("interval", kLarge);
  Store("demand", kLarge);
  Enter("b.4194306-1");
  const StoredDump stored = Store("interval", kLarge);
  EXPECT_FALSE(Exists("app.4194305-987654"));
  EXPECT_THAT(Kept(), ElementsAre("1 interval"));
  EXPECT_THAT(stored.notes, IsEmpty());
}

TEST_F(DirectoryBound, KeepsTheFoldersOfTheLivingAndOfOtherHosts) {
  limits_.max_directory_bytes = 1 << 20;
  const std::string living = "me." + std::to_string(getpid()) + "-" + StartOf("self");
  Enter(living);
  Store("interval", kLarge);
  Store("interval", kLarge);
  Enter("far.4194307-1");
  DumpRequest far = Request("interval", kLarge);
  far.process.host = "elsewhere";
  ASSERT_TRUE(StoreDump(far).ok());
  Enter("b.4194306-1");
  const StoredDump stored = Store("interval", kLarge);
  EXPECT_TRUE(Exists(living));
  EXPECT_TRUE(Exists("far.4194307-1"));
  EXPECT_THAT(stored.notes, ElementsAre(HasSubstr("LIMPET_MAX_DIR_BYTES=1048576")));
  EXPECT_THAT(RecordIn(Folder())->note, HasSubstr("LIMPET_MAX_DIR_BYTES=1048576"));
}

TEST_F(DirectoryBound, KeepsTheFolderOfAProcessInAContainerThatWeSee) {
  const pid_t boxed = StartBoxed();
  if (boxed == 0) GTEST_SKIP() << "no right to make namespaces";
  limits_.max_directory_bytes = 1 << 20;
  const std::string living = "boxed.1-" + StartOf(std::to_string(boxed));
  Enter(living);
  Store("interval", kLarge);
  Store("interval", kLarge);
  Enter("b.4194306-1");
  Store("interval", kLarge);
  Enter(living);
  EXPECT_THAT(Kept(), ElementsAre("1 interval", "2 interval"));
  kill(boxed, SIGKILL);
  waitpid(boxed, nullptr, 0);
}

TEST_F(DirectoryBound, TouchesNothingThatIsNotOurs) {
  limits_.max_directory_bytes = 1 << 20;
  const std::string mine(kLarge, 'x');
  const TemporaryDirectory elsewhere;
  std::filesystem::create_directories(directory_.File("photos.2020-11"));
  std::filesystem::create_directories(directory_.File("plain"));
  std::filesystem::create_directories(elsewhere.File("own.1-2"));
  const std::vector<std::string> files = {
      directory_.File("20261121T092356Z.000001.heap.pb.gz"),
      directory_.File("photos.2020-11/meta.json"),
      directory_.File("photos.2020-11/a.jpg"),
      directory_.File("plain/20261121T092356Z.000001.heap.pb.gz"),
      elsewhere.File("own.1-2/20261121T092356Z.000001.heap.pb.gz"),
  };
  for (const std::string& file : files) std::ofstream(file) << mine;
  std::filesystem::create_directory_symlink(elsewhere.File("own.1-2"), directory_.File("own.1-2"));
  for (int index = 0; index < 4; ++index) Store("interval", kLarge);
  for (const std::string& file : files) EXPECT_TRUE(std::filesystem::exists(file)) << file;
}

TEST_F(DirectoryBound, LeavesTheFolderWhereSomethingElseLies) {
  limits_.max_directory_bytes = 1 << 20;
  Store("interval", kLarge);
  Store("interval", kLarge);
  std::ofstream(InFolder("notes.txt")) << "mine";
  const TemporaryDirectory elsewhere;
  std::ofstream(elsewhere.File("target")) << "precious";
  std::filesystem::create_symlink(elsewhere.File("target"),
                                  InFolder("20261121T092356Z.000007.heap.pb.gz"));
  Enter("b.4194306-1");
  Store("interval", kLarge);
  EXPECT_TRUE(Exists("app.4194305-987654/notes.txt"));
  EXPECT_FALSE(Exists("app.4194305-987654/meta.json"));
  EXPECT_TRUE(std::filesystem::exists(elsewhere.File("target")));
}

TEST_F(DirectoryBound, PassesOverAFolderThatIsBeingWritten) {
  limits_.max_directory_bytes = 1 << 20;
  Store("interval", kLarge);
  Store("interval", kLarge);
  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Take(*OpenFolder::Open(Folder()));
  Enter("b.4194306-1");
  Store("interval", kLarge);
  EXPECT_TRUE(Exists("app.4194305-987654"));
}

// Whoever may write to LIMPET_DIR can put another folder at the name of the one just written.
TEST_F(DirectoryBound, TakesDumpsOutOfTheFolderJustWrittenAndNoOtherAtItsName) {
  for (int index = 0; index < 4; ++index) Store("interval", kLarge);
  const OpenFolder current = Opened(Folder());
  const std::string moved = directory_.File("moved");
  std::filesystem::rename(Folder(), moved);
  std::filesystem::copy(
      moved, Folder(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  const OpenFolder directory = Opened(directory_.path());
  const BoundResult result = BoundDirectory({.folder = directory,
                                             .current = current,
                                             .current_name = folder_,
                                             .host = "here",
                                             .max_bytes = 3 * kLarge});
  EXPECT_EQ(result.removed_current_dumps, 2U);
  EXPECT_EQ(KeptIn(moved).size(), 2U);
  EXPECT_EQ(Kept().size(), 4U);
}

TEST_F(DirectoryBound, PassesOverAFolderOfAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  limits_.max_directory_bytes = 1 << 20;
  Store("interval", kLarge);
  Store("interval", kLarge);
  ASSERT_EQ(chown(Folder().c_str(), 12'345, 12'345), 0);
  Enter("b.4194306-1");
  Store("interval", kLarge);
  Enter("app.4194305-987654");
  EXPECT_EQ(Kept().size(), 2U);
}

}  // namespace
}  // namespace limpet
