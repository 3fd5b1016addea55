#include "runtime/table/segment_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/layout/segment.h"
#include "tests/runtime/sys/child_process.h"
#include "tests/support/temporary_directory.h"

namespace limpet {
namespace {

constexpr std::uint64_t kStartTicks = 77;
constexpr std::uint64_t kBytes = 4 << 20;
constexpr uid_t kAnotherUser = 65534;

std::string NameOfOurs() { return std::to_string(getpid()) + "-77.segment"; }

bool Create(const std::string& directory, std::uint64_t bytes, SegmentFile* file) {
  return CreateSegmentFile(directory.c_str(), kStartTicks, {.bytes = bytes}, file);
}

bool IsRefused(const std::string& directory) {
  SegmentFile file;
  return !Create(directory, kBytes, &file) && file.descriptor == -1;
}

struct stat StatusOf(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
  return status;
}

std::uint32_t ModeOf(const std::string& path) { return StatusOf(path).st_mode & 07777; }

bool IsEmpty(const std::string& directory) { return std::filesystem::is_empty(directory); }

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(SegmentFile, IsNamedByPidAndStart) {
  TemporaryDirectory home;
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(file.path.c_str(), home.File(NameOfOurs()));
  EXPECT_STREQ(file.path.c_str(), SegmentPathOf(home.path().c_str(), kStartTicks).c_str());
  EXPECT_TRUE(std::filesystem::exists(file.path.c_str()));
}

TEST(SegmentFile, IsPrivateToItsUserWhateverTheUmask) {
  for (mode_t mask : {0u, 022u, 077u}) {
    TemporaryDirectory parent;
    const std::string home = parent.File("home");
    SCOPED_TRACE(mask);
    test::ExpectInChild([&] {
      umask(mask);
      SegmentFile file;
      ASSERT_TRUE(Create(home, kBytes, &file));
      EXPECT_EQ(ModeOf(home), 0700u);
      EXPECT_EQ(ModeOf(file.path.c_str()), 0600u);
    });
  }
}

TEST(SegmentFile, HasTheWantedSizeAndNoMemoryYet) {
  TemporaryDirectory home;
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(file.bytes, kBytes);
  EXPECT_EQ(StatusOf(file.path.c_str()).st_size, static_cast<off_t>(kBytes));
  EXPECT_EQ(StatusOf(file.path.c_str()).st_blocks, 0);
}

TEST(SegmentFile, IsAWholeNumberOfPages) {
  TemporaryDirectory home;
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes + 4095, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(file.bytes, kBytes);
}

TEST(SegmentFile, IsNotMadeBelowTheSmallestSize) {
  TemporaryDirectory home;
  SegmentFile file;
  EXPECT_FALSE(Create(home.path(), (1 << 20) - 1, &file));
  EXPECT_TRUE(IsEmpty(home.path()));
  EXPECT_TRUE(Create(home.path(), 1 << 20, &file));
  CloseSegmentFile(&file);
}

TEST(SegmentFile, RefusesADirectoryOfAnotherUser) {
  if (geteuid() != 0) {
    EXPECT_TRUE(IsRefused("/"));
    return;
  }
  TemporaryDirectory home;
  ASSERT_EQ(chown(home.path().c_str(), kAnotherUser, kAnotherUser), 0);
  EXPECT_TRUE(IsRefused(home.path()));
  EXPECT_TRUE(IsEmpty(home.path()));
}

TEST(SegmentFile, RefusesALinkToADirectory) {
  TemporaryDirectory parent;
  std::filesystem::create_directory(parent.File("real"));
  std::filesystem::create_directory_symlink(parent.File("real"), parent.File("link"));
  EXPECT_TRUE(IsRefused(parent.File("link")));
  EXPECT_TRUE(IsEmpty(parent.File("real")));
}

TEST(SegmentFile, RefusesAFileInPlaceOfTheDirectory) {
  TemporaryDirectory parent;
  std::ofstream(parent.File("file")) << "text";
  EXPECT_TRUE(IsRefused(parent.File("file")));
}

TEST(SegmentFile, RefusesADirectoryWithoutParent) {
  TemporaryDirectory parent;
  EXPECT_TRUE(IsRefused(parent.File("missing/home")));
}

TEST(SegmentFile, RefusesAPathThatDoesNotFit) {
  EXPECT_TRUE(IsRefused(std::string("/tmp") + std::string(400, '/')));
}

TEST(SegmentFile, ReplacesWhatAnEarlierImageOfTheProcessLeft) {
  TemporaryDirectory home;
  const std::string path = home.File(NameOfOurs());
  std::ofstream(path) << "of the program before exec";
  int kept = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  struct stat old_status = {};
  ASSERT_EQ(fstat(kept, &old_status), 0);
  EXPECT_EQ(old_status.st_nlink, 0u);  // whoever reads the old one reads on undisturbed
  char first = 1;
  EXPECT_EQ(pread(file.descriptor, &first, 1, 0), 1);
  EXPECT_EQ(first, 0);
  CloseSegmentFile(&file);
  close(kept);
}

TEST(SegmentFile, ReplacesALinkOfItsNameWithoutFollowingIt) {
  TemporaryDirectory home;
  TemporaryDirectory elsewhere;
  std::ofstream(elsewhere.File("victim")) << "precious";
  std::filesystem::create_symlink(elsewhere.File("victim"), home.File(NameOfOurs()));
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_TRUE(S_ISREG(StatusOf(file.path.c_str()).st_mode));
  EXPECT_EQ(StatusOf(elsewhere.File("victim")).st_size, 8);
}

TEST(SegmentFile, LeavesADirectoryOfItsNameAlone) {
  TemporaryDirectory home;
  std::filesystem::create_directory(home.File(NameOfOurs()));
  EXPECT_TRUE(IsRefused(home.path()));
  EXPECT_TRUE(std::filesystem::is_directory(home.File(NameOfOurs())));
}

// Above the limit ftruncate sends SIGXFSZ, which kills.
TEST(SegmentFile, StaysBelowTheFileSizeLimit) {
  TemporaryDirectory home;
  test::ExpectInChild([&] {
    rlimit limit = {(3 << 20) + 100, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    SegmentFile file;
    ASSERT_TRUE(Create(home.path(), kBytes, &file));
    EXPECT_EQ(file.bytes, std::uint64_t{3} << 20);
    EXPECT_EQ(StatusOf(file.path.c_str()).st_size, 3 << 20);
  });
}

TEST(SegmentFile, IsNotMadeWhereTheFileSizeLimitIsTooLow) {
  TemporaryDirectory home;
  test::ExpectInChild([&] {
    rlimit limit = {4096, RLIM_INFINITY};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT_TRUE(IsRefused(home.path()));
    EXPECT_TRUE(IsEmpty(home.path()));
  });
}

// Leaves the process `bytes` more of what `resource` limits.
bool Leave(__rlimit_resource resource, std::uint64_t used, std::uint64_t bytes) {
  rlimit limit = {used + bytes, RLIM_INFINITY};
  return used != 0 && setrlimit(resource, &limit) == 0;
}

// A field of /proc/self/statm in bytes.
std::uint64_t MemoryOf(int field) {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  for (int i = 0; i <= field; ++i) file >> pages;
  return pages * kSegmentPageBytes;
}

// The program needs what its limits leave it: with the private tables, which are at most as large
// as two thirds of it, a segment takes a tenth.
class LimitedMemory : public testing::TestWithParam<std::pair<__rlimit_resource, int>> {
 protected:
  bool LeaveBytes(std::uint64_t bytes) {
    auto [resource, field] = GetParam();
    return Leave(resource, MemoryOf(field), bytes);
  }
};

TEST_P(LimitedMemory, IsLeftToTheProgramButForASixteenth) {
  TemporaryDirectory home;
  test::ExpectInChild([&] {
    ASSERT_TRUE(LeaveBytes(32 << 20));
    SegmentFile file;
    ASSERT_TRUE(Create(home.path(), kBytes, &file));
    EXPECT_LE(file.bytes, std::uint64_t{2} << 20);
    EXPECT_GT(file.bytes, std::uint64_t{1} << 20);
  });
}

TEST_P(LimitedMemory, IsLeftAloneWhereASixteenthIsTooLittle) {
  TemporaryDirectory home;
  test::ExpectInChild([&] {
    ASSERT_TRUE(LeaveBytes(8 << 20));
    EXPECT_TRUE(IsRefused(home.path()));
    EXPECT_TRUE(IsEmpty(home.path()));
  });
}

INSTANTIATE_TEST_SUITE_P(Kinds, LimitedMemory,
                         testing::Values(std::pair(RLIMIT_AS, 0), std::pair(RLIMIT_DATA, 5)));

TEST(SegmentFile, LeavesNoDescriptorBehind) {
  TemporaryDirectory home;
  const std::size_t before = OpenDescriptors();
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_EQ(file.descriptor, -1);
  EXPECT_FALSE(Create(home.path(), 1, &file));
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST(SegmentFile, KeepsErrno) {
  TemporaryDirectory home;
  SegmentFile file;
  errno = 1234;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_FALSE(Create(home.File("missing/home"), kBytes, &file));
  EXPECT_EQ(errno, 1234);
}

TEST(SegmentFile, IsRemovedOnce) {
  TemporaryDirectory home;
  SegmentFile file;
  ASSERT_TRUE(Create(home.path(), kBytes, &file));
  CloseSegmentFile(&file);
  EXPECT_TRUE(RemoveSegmentFile(file.path));
  EXPECT_FALSE(RemoveSegmentFile(file.path));
  EXPECT_TRUE(IsEmpty(home.path()));
}

TEST(FileSystemBytes, AreThoseOfTheParentWhereTheDirectoryIsNotThereYet) {
  EXPECT_GT(FileSystemBytes("/dev/shm"), 0u);
  EXPECT_EQ(FileSystemBytes("/dev/shm/limpet-not-there"), FileSystemBytes("/dev/shm"));
}

TEST(RoomToGrow, IsEndlessWhereNobodyKnows) {
  EXPECT_EQ(RoomToGrow("/not/there"), ~std::uint64_t{0});
  EXPECT_EQ(RoomToGrow(""), ~std::uint64_t{0});
}

}  // namespace
}  // namespace limpet
